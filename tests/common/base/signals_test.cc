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

[[noreturn]] void StopItselfTwice() {
  const StopSignals signals;
  if (signals.WaitFor(Duration(0)) != nullptr) std::exit(2);
  kill(getpid(), SIGTERM);
  if (std::strcmp(signals.Wait(), "SIGTERM") != 0) std::exit(3);
  kill(getpid(), SIGTERM);
  const char* second = signals.WaitFor(std::chrono::seconds(30));
  std::exit(second != nullptr && std::strcmp(second, "SIGTERM") == 0 ? 0 : 4);
}

// Signals are the whole process's, so each has one of its own.
TEST(StopSignalsDeathTest, WaitTakesEitherSignalInsteadOfDying) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(StopItself(SIGTERM, "SIGTERM"), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(StopItself(SIGINT, "SIGINT"), ::testing::ExitedWithCode(0), "");
}

TEST(StopSignalsDeathTest, ASecondSignalIsTakenToo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(StopItselfTwice(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace consilium
