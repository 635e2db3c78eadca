#include "common/rpc/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "common/base/log.h"
#include "common/crypto/tls_settings.h"
#include "consilium/v1/federation.pb.h"
#include "tests/support/status_matchers.h"

namespace consilium::rpc {
namespace {

[[noreturn]] void Exit(bool good) { _exit(good ? 0 : 1); }

// What InitProcess does is for a whole process, so each of these asks in one of its own.
class Process : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(Process, LeavesNoCoreDump) {
  EXPECT_EXIT(
      {
        const bool ready = InitProcess({}).ok();
        rlimit limit{};
        limit.rlim_max = 1;
        getrlimit(RLIMIT_CORE, &limit);
        Exit(ready && limit.rlim_cur == 0 && limit.rlim_max == 0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(Process, SpeaksOnlyTls13) {
  EXPECT_EXIT(Exit(InitProcess({}).ok() && crypto::CheckTlsSettings().ok()),
              ::testing::ExitedWithCode(0), "");
}

TEST_F(Process, TakesAsManyFilesAsItMay) {
  EXPECT_EXIT(
      {
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = 64;
        setrlimit(RLIMIT_NOFILE, &limit);
        const bool ready = InitProcess({}).ok();
        getrlimit(RLIMIT_NOFILE, &limit);
        Exit(ready && limit.rlim_cur == limit.rlim_max);
      },
      ::testing::ExitedWithCode(0), "");
}

// Parses a hello whose version is not UTF-8, as a hostile peer may send it.
void ParseBadText() {
  v1::Hello hello;
  hello.set_protocol(1);
  std::string bytes = hello.SerializeAsString();
  bytes += std::string("\x12\x02\xff\xfe", 4);  // field 2, `version`
  Exit(InitProcess({}).ok() && !hello.ParseFromString(bytes));
}

TEST_F(Process, ProtobufSaysNothingBesideOurLog) {
  // Before InitLog only errors are written; this is a warning: stderr stays empty.
  EXPECT_EXIT(ParseBadText(), ::testing::ExitedWithCode(0), "^$");
}

void ParseBadTextWithALog() {
  InitLog("test", Level::kInfo, LogFormat::kJson);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // what a death test can read
  ParseBadText();
}

TEST_F(Process, ProtobufsComplaintsAreInOurLogWithoutTheValue) {
  EXPECT_EXIT(ParseBadTextWithALog(), ::testing::ExitedWithCode(0),
              "message format.*consilium.v1.Hello.version");
}

TEST_F(Process, CanHideFromItsOwnUser) {
  EXPECT_EXIT(Exit(InitProcess({}).ok() && prctl(PR_GET_DUMPABLE) == 1),
              ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(Exit(InitProcess({.undumpable = true}).ok() && prctl(PR_GET_DUMPABLE) == 0),
              ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace consilium::rpc
