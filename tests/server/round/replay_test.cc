// `consilium replay`: the server half once more, from what is kept.
#include "server/round/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

TEST(Replay, RedoesEveryCommittedStep) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  ASSERT_TRUE(f.RunToEnd(job));
  ASSERT_OK_AND_ASSIGN(const std::vector<ReplayedStep> steps, f.server->Replay(job));
  ASSERT_EQ(steps.size(), 3u);
  for (const ReplayedStep& step : steps) {
    EXPECT_EQ(step.recorded, step.replayed);
    EXPECT_FALSE(step.sums_redone);
  }
}

TEST(Replay, FoldsKeptUpdatesAgainEvenAfterARestart) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 3", "retain = \"updates\"")));
  ASSERT_TRUE(f.RunToEnd(job));
  for (const bool restarted : {false, true}) {
    if (restarted) {
      f.Crash(CrashKind::kPowerCut);
      ASSERT_TRUE(f.TryStart());
    }
    ASSERT_OK_AND_ASSIGN(const std::vector<ReplayedStep> steps, f.server->Replay(job));
    ASSERT_EQ(steps.size(), 3u);
    for (const ReplayedStep& step : steps) {
      EXPECT_EQ(step.recorded, step.replayed);
      EXPECT_TRUE(step.sums_redone);
    }
  }
}

TEST(Replay, RedoesMomentsAndVariates) {
  for (const char* strategy : {"fedyogi", "scaffold", "feddyn"}) {
    SmallFederation f(ThreeSites());
    f.Start();
    ASSERT_OK_AND_ASSIGN(const JobId job,
                         f.Submit(JobText(fmt::format(
                             "min_sites = 3\n[aggregation]\nstrategy = \"{}\"", strategy))));
    ASSERT_TRUE(f.RunToEnd(job));
    ASSERT_OK_AND_ASSIGN(const std::vector<ReplayedStep> steps, f.server->Replay(job));
    ASSERT_EQ(steps.size(), 3u);
    for (const ReplayedStep& step : steps) EXPECT_EQ(step.recorded, step.replayed) << strategy;
  }
}

TEST(Replay, ShowsADamagedSum) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  ASSERT_TRUE(f.RunToEnd(job));
  const std::string path = "/server/sums/" + job.value() + "/2.sum";
  Bytes sum = ReadWhole(f.storage, path, 1 << 20).value();
  sum.back() ^= std::byte{1};
  f.storage.Plant(path, sum);
  ASSERT_OK_AND_ASSIGN(const std::vector<ReplayedStep> steps, f.server->Replay(job));
  EXPECT_EQ(steps[0].recorded, steps[0].replayed);
  EXPECT_NE(steps[1].recorded, steps[1].replayed);
}

}  // namespace
}  // namespace consilium::server::round
