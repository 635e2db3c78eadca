#include "common/rpc/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/crypto/tls_settings.h"
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

TEST_F(Process, CanHideFromItsOwnUser) {
  EXPECT_EXIT(Exit(InitProcess({}).ok() && prctl(PR_GET_DUMPABLE) == 1),
              ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(Exit(InitProcess({.undumpable = true}).ok() && prctl(PR_GET_DUMPABLE) == 0),
              ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace consilium::rpc
