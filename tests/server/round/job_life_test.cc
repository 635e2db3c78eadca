// Jobs that are queued, parked and cancelled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(JobLife, CancelWhileTrainingEndsTheJobAndTellsTheSites) {
  auto manners = ThreeSites();
  manners[2].silent = true;
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  f.Settle();
  ASSERT_OK_AND_ASSIGN(const jobs::JobView asked, f.server->Cancel(job, "bob"));
  EXPECT_THAT(asked.reason, HasSubstr("bob"));
  ASSERT_TRUE(f.RunToEnd(job, 1));
  f.Settle();
  const jobs::JobView view = f.Show(job);
  EXPECT_EQ(view.status, jobs::JobStatus::kCancelled);
  EXPECT_EQ(view.reason, "cancelled by bob");
  EXPECT_THAT(OutcomesOf(*f.sites[0]), ElementsAre("round_failed"));
  EXPECT_EQ(f.sites[2]->cancels.size(), 1u);
  EXPECT_EQ(f.sites[2]->ended.at(0).result, "cancelled");
  EXPECT_THAT(f.server->Cancel(job, "eve"), IsOk());
  EXPECT_EQ(f.Show(job).reason, "cancelled by bob") << "it had ended";
}

TEST(JobLife, CancelOfAParkedJobEndsIt) {
  SmallFederation f(std::vector<FakeSite::Manners>{});
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  f.Settle();
  ASSERT_THAT(f.server->Cancel(job, "bob"), IsOk());
  ASSERT_TRUE(f.RunToEnd(job, 1));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kCancelled);
  EXPECT_THAT(f.server->Cancel(JobId("0123456789abcdef"), "bob"), HasCode(ErrorCode::kJobNotFound));
}

TEST(JobLife, CancelSurvivesARestart) {
  SmallFederation f(std::vector<FakeSite::Manners>{});
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  f.Settle();
  ASSERT_THAT(f.server->Cancel(job, "bob"), IsOk());
  f.Crash(CrashKind::kPowerCut);
  ASSERT_TRUE(f.TryStart());
  ASSERT_TRUE(f.RunToEnd(job, 1));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kCancelled);
}

TEST(JobLife, FurtherJobsQueueAndStartWhenARunningOneEnds) {
  SmallFederation f(std::vector<FakeSite::Manners>{});
  f.Start();
  std::vector<JobId> all;
  for (size_t i = 0; i <= kMaxRunningJobs; ++i) {
    ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText(), static_cast<uint8_t>(i)));
    all.push_back(job);
  }
  f.Settle();
  EXPECT_EQ(f.Show(all.front()).status, jobs::JobStatus::kWaiting);
  EXPECT_EQ(f.Show(all.back()).status, jobs::JobStatus::kQueued);
  ASSERT_THAT(f.server->Cancel(all.front(), "bob"), IsOk());
  f.Settle();
  EXPECT_EQ(f.Show(all.back()).status, jobs::JobStatus::kWaiting);
}

TEST(JobLife, QueuedJobIsCancelledAtOnce) {
  SmallFederation f(std::vector<FakeSite::Manners>{});
  f.Start();
  JobId last;
  for (size_t i = 0; i <= kMaxRunningJobs; ++i) {
    ASSERT_OK_AND_ASSIGN(last, f.Submit(JobText(), static_cast<uint8_t>(i)));
  }
  ASSERT_OK_AND_ASSIGN(const jobs::JobView view, f.server->Cancel(last, "bob"));
  EXPECT_EQ(view.status, jobs::JobStatus::kCancelled);
}

}  // namespace
}  // namespace consilium::server::round
