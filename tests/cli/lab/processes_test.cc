#include "cli/lab/processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::cli {
namespace {

using consilium::testing::HasCode;

TEST(StartProcess, RunsUntilItIsStoppedByItsOwnPid) {
  testing::TempFolder folder;
  ASSERT_OK_AND_ASSIGN(const LabProcess process,
                       StartProcess({"/bin/sleep", "1000"}, "sleeper", folder.path() + "/log"));
  EXPECT_TRUE(IsAlive(process));
  EXPECT_TRUE(StopProcesses({process}, std::chrono::seconds(10)));
  EXPECT_FALSE(IsAlive(process));
}

TEST(StopProcesses, KillsWhatDoesNotListen) {
  testing::TempFolder folder;
  ASSERT_OK_AND_ASSIGN(
      const LabProcess process,
      StartProcess({"/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"}, "deaf",
                   folder.path() + "/log"));
  while (Tail(folder.path() + "/log", 1).empty()) {
  }
  EXPECT_FALSE(StopProcesses({process}, std::chrono::milliseconds(100)));
  EXPECT_FALSE(IsAlive(process));
}

TEST(IsAlive, AReusedPidIsNotOurs) {
  LabProcess other{.pid = 1, .started = 12345678901, .name = "init"};
  EXPECT_FALSE(IsAlive(other));
}

TEST(StartProcess, AMissingProgramIsNamed) {
  testing::TempFolder folder;
  EXPECT_THAT(StartProcess({folder.path() + "/nothing"}, "none", folder.path() + "/log"),
              HasCode(ErrorCode::kLab));
}

TEST(Tail, GivesTheLastLines) {
  testing::TempFolder folder;
  const std::string file = folder.path() + "/log";
  ASSERT_TRUE(WriteFile(file, "1\n2\n3\n").ok());
  EXPECT_EQ(Tail(file, 2), "    2\n    3\n");
  EXPECT_EQ(Tail(folder.path() + "/absent", 2), "");
}

}  // namespace
}  // namespace consilium::cli
