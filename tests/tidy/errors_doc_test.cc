// docs/errors.md is the table of error codes, rendered. To write it again after a change:
//   CONSILIUM_WRITE_DOCS=1 build/dev/bin/tidy_test --gtest_filter='ErrorsDoc.*'
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>

#include "common/base/error.h"
#include "tests/support/temp_folder.h"

namespace consilium::tidy {
namespace {

const std::string kRoot = CONSILIUM_SOURCE_DIR;
const std::string kDocPath = kRoot + "/docs/errors.md";

constexpr std::string_view kHead =
    "# Errors\n\n"
    "Every error that a person can meet has a stable code: `consilium explain CN0203` prints its\n"
    "row. A number is never reused. Exit codes: 0 ok, 1 job failed, 2 cannot connect, 3 timed\n"
    "out, 4 bad input or usage, 5 not allowed.\n\n"
    "This page is made from `src/common/base/error_table.cc` by the tests in `tests/tidy`; edit\n"
    "it there.\n";

constexpr std::string_view kChapters[] = {
    "Usage and files",     "Job file",  "Configuration",      "Data",
    "Identity and access", "Transport", "Rounds and updates", "Storage",
    "Models and states"};

std::string Render() {
  std::string text(kHead);
  int chapter = 0;
  for (const ErrorRow& row : AllErrorRows()) {
    if (const int now = static_cast<int>(row.code) / 100; now != chapter) {
      chapter = now;
      text += fmt::format("\n## {:02}: {}\n", chapter,
                          std::data(kChapters)[static_cast<size_t>(chapter) - 1]);
    }
    text += fmt::format("\n### {}: {}\n\n{}\n\n*What to do:* {} *Exit code:* {}.\n",
                        CodeName(row.code), row.title, row.meaning, row.next, row.exit_code);
  }
  return text;
}

// The codes as error_codes.h writes them, by number.
std::set<int> DeclaredCodes() {
  const std::string text = testing::ReadTextFile(kRoot + "/src/common/base/error_codes.h");
  const std::regex pattern(R"(\bk\w+\s*=\s*(\d+)\s*,)");
  std::set<int> codes;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    EXPECT_TRUE(codes.insert(std::stoi((*at)[1])).second) << "used twice: " << (*at)[0];
  }
  return codes;
}

TEST(ErrorsDoc, EveryCodeHasARowAndEveryRowACode) {
  std::set<int> rows;
  for (const ErrorRow& row : AllErrorRows()) rows.insert(static_cast<int>(row.code));
  const std::set<int> codes = DeclaredCodes();
  EXPECT_FALSE(codes.empty());
  for (const int code : codes) {
    EXPECT_TRUE(rows.contains(code))
        << "src/common/base/error_codes.h: " << code
        << " has no row\n  do: add one to src/common/base/error_table.cc";
  }
  EXPECT_EQ(rows, codes);
}

TEST(ErrorsDoc, IsWhatTheTableSays) {
  const std::string text = Render();
  if (std::getenv("CONSILIUM_WRITE_DOCS") != nullptr) {
    std::ofstream(kDocPath, std::ios::binary) << text;
  }
  EXPECT_EQ(testing::ReadTextFile(kDocPath), text)
      << "docs/errors.md is not what the table says\n  do: CONSILIUM_WRITE_DOCS=1 "
         "build/dev/bin/tidy_test --gtest_filter='ErrorsDoc.*', and commit it";
}

}  // namespace
}  // namespace consilium::tidy
