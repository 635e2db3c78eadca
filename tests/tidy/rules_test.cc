// Each rule finds what it is for, and leaves alone what it is not for.
#include "tests/tidy/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace consilium::tidy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Violation> IncludesOf(const char* path, const char* line) {
  return CheckIncludes(MakeFile(path, line));
}

TEST(IncludeRule, EdgesAgainstTheDirectionAreFound) {
  const struct {
    const char* path;
    const char* include;
  } kBad[] = {
      {"src/common/base/log.cc", "#include \"common/crypto/sha256.h\""},
      {"src/common/sum/a.cc", "#include \"common/wire/messages.h\""},
      {"src/server/round/a.h", "#include \"server/rpc/rpc_server.h\""},
      {"src/server/store/a.h", "#include \"client/data/dataset.h\""},
      {"src/client/train/a.h", "#include \"server/store/state_store.h\""},
      {"src/cli/verbs/a.cc", "#include \"server/jobs/job_view.h\""},
      {"src/server/round/a.cc", "#include <grpcpp/grpcpp.h>"},
      {"src/server/round/a.cc", "#include \"grpcpp/grpcpp.h\""},
      {"src/common/pki/a.cc", "#include <openssl/evp.h>"},
      {"src/client/train/a.cc", "#include \"consilium/v1/federation.pb.h\""},
      {"src/server/aggregation/a.cc", "#include <Eigen/Core>"},
      {"src/common/wire/a.cc", "#include <mutex>"},
      {"src/common/job/a.cc", "#include <toml++/toml.h>"},
      {"src/brand/new/a.cc", "#include <string>"},
  };
  for (const auto& bad : kBad) {
    EXPECT_THAT(IncludesOf(bad.path, bad.include), SizeIs(1)) << bad.path << " " << bad.include;
  }
}

TEST(IncludeRule, EdgesAlongTheDirectionAreNot) {
  const struct {
    const char* path;
    const char* include;
  } kGood[] = {
      {"src/common/journal/a.cc", "#include \"common/base/storage.h\""},
      {"src/common/journal/a.cc", "#include \"common/journal/record.h\""},
      {"src/server/app/a.cc", "#include <grpcpp/grpcpp.h>"},
      {"src/cli/rpc/a.cc", "#include <grpcpp/grpcpp.h>"},
      {"src/cli/verbs/a.cc", "#include \"cli/output/table.h\""},
      {"src/common/base/mutex.h", "#include <mutex>"},
      {"src/common/sum/a.cc", "#include <memory>"},
      {"tests/common/sum/a_test.cc", "#include \"server/rpc/rpc_server.h\""},
  };
  for (const auto& good : kGood) {
    EXPECT_EQ(Join(IncludesOf(good.path, good.include)), "") << good.path;
  }
}

TEST(HeaderRule, WantsACommentAndTheGuardOfItsPath) {
  const char* const good =
      "// What it is.\n#ifndef CONSILIUM_COMMON_SUM_A_B_H_\n#define CONSILIUM_COMMON_SUM_A_B_H_\n";
  EXPECT_THAT(CheckHeaderForm(MakeFile("src/common/sum/a_b.h", good)), IsEmpty());
  EXPECT_THAT(CheckHeaderForm(MakeFile("src/common/sum/other.h", good)), SizeIs(1));
  EXPECT_THAT(CheckHeaderForm(MakeFile("tests/common/sum/a_b.h", good)), SizeIs(1));
  EXPECT_THAT(CheckHeaderForm(MakeFile("src/a.h", "#pragma once\n")), SizeIs(2));
  EXPECT_THAT(CheckHeaderForm(MakeFile("src/a.h", "")), SizeIs(2));
  EXPECT_THAT(CheckHeaderForm(MakeFile("src/a.cc", "int x;\n")), IsEmpty());
}

TEST(SizeRule, CountsLinesAndCharacters) {
  const auto lines = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += "x\n";
    return text;
  };
  EXPECT_THAT(CheckSizes(MakeFile("src/a.h", lines(200))), IsEmpty());
  EXPECT_THAT(CheckSizes(MakeFile("src/a.h", lines(201))), SizeIs(1));
  EXPECT_THAT(CheckSizes(MakeFile("src/a.cc", lines(600))), IsEmpty());
  EXPECT_THAT(CheckSizes(MakeFile("src/a.cc", lines(601))), SizeIs(1));
  EXPECT_THAT(CheckSizes(MakeFile("src/a.cc", std::string(100, 'x'))), IsEmpty());
  EXPECT_THAT(CheckSizes(MakeFile("src/a.cc", std::string(101, 'x'))), SizeIs(1));
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "\xc3\xa9";
  EXPECT_THAT(CheckSizes(MakeFile("src/a.cc", accents)), IsEmpty());
}

TEST(WordRule, FindsWordsInCodeOnly) {
  const auto words = [](const char* path, const char* line) {
    return CheckWords(MakeFile(path, line));
  };
  for (const char* bad :
       {"std::cout << 1;", "std::normal_distribution<> d;", "auto t = steady_clock::now();",
        "int x = rand();", "std::this_thread::sleep_for(s);", "throw 1;", "assert(x);",
        "// TO"
        "DO later"}) {
    EXPECT_THAT(words("src/server/round/a.cc", bad), SizeIs(1)) << bad;
  }
  for (const char* good :
       {"// std::cout and rand() and throw", "Fail(\"throw rand()\");", "clock.Now();",
        "static_assert(true);", "operand(1);", "fprintf(stderr, \"x\");",
        "/* a\n std::cout */ int x = 1'000;", "R\"(throw \" )\" ;"}) {
    EXPECT_EQ(Join(words("src/server/round/a.cc", good)), "") << good;
  }
  EXPECT_THAT(words("src/cli/main.cc", "std::cout << 1;"), IsEmpty());
  EXPECT_THAT(words("src/common/base/clock.cc", "steady_clock::now()"), IsEmpty());
  EXPECT_THAT(words("tests/common/a_test.cc", "std::this_thread::sleep_for(s);"), SizeIs(1));
}

TEST(Violation, SaysWhereWhatAndWhatToDo) {
  const auto found = IncludesOf("src/common/sum/a.cc", "\n#include \"common/wire/messages.h\"");
  EXPECT_THAT(Join(found), HasSubstr("src/common/sum/a.cc:2: common/sum must not include"));
  EXPECT_THAT(Join(found), HasSubstr("\n  do: "));
}

}  // namespace
}  // namespace consilium::tidy
