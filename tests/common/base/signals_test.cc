#include "common/base/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

namespace consilium {
namespace {

[[noreturn]] void StopItself(int signal, const char* name) {
  const StopSignals signals;
  kill(getpid(), signal);
  std::exit(std::strcmp(signals.Wait(), name) == 0 ? 0 : 1);
}

// Signals are the whole process's, so each has one of its own.
TEST(StopSignalsDeathTest, WaitTakesEitherSignalInsteadOfDying) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(StopItself(SIGTERM, "SIGTERM"), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(StopItself(SIGINT, "SIGINT"), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace consilium
