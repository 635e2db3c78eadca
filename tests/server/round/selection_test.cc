#include "server/round/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(OverSelection, TheRoundClosesAtItsGoalAndTheLateAreToldSo) {
  SmallFederation f({{}, {}, {}, {.silent = true}});
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 2\ngoal = 3\nselect = 1.3")));
  f.Settle();
  EXPECT_EQ(f.Show(job).rounds_committed, 2u) << "no time had to pass";
  for (size_t round = 0; round < 2; ++round) {
    const jobs::StepView step = f.Show(job).steps.at(round);
    ASSERT_THAT(step.sites, SizeIs(4));
    EXPECT_EQ(step.sites[3].result, "late");
    EXPECT_THAT(step.sites[3].reason, HasSubstr("goal of 3"));
  }
  const FakeSite& slow = *f.sites[3];
  ASSERT_FALSE(slow.outcomes.empty());
  EXPECT_EQ(slow.outcomes[0].kind, wire::OutcomeKind::kLateDropped);
  EXPECT_FALSE(slow.cancels.empty()) << "it need not go on";
  // The evaluation asks every site, and waits for it.
  const jobs::StepView open = f.Show(job).current.value();
  EXPECT_EQ(open.workload, wire::Workload::kEvaluate);
  EXPECT_THAT(open.sites, SizeIs(4));
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
}

TEST(OverSelection, ASmallerCohortIsDrawnAnewForEveryRound) {
  SmallFederation f(std::vector<FakeSite::Manners>(12));
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 4\nselect = 1.25")));
  ASSERT_TRUE(f.RunToEnd(job));
  const jobs::JobView view = f.Show(job);
  ASSERT_EQ(view.status, jobs::JobStatus::kDone);
  ASSERT_THAT(view.steps, SizeIs(3));
  std::set<std::set<SiteId>> cohorts;
  for (size_t round = 0; round < 2; ++round) {
    std::set<SiteId> cohort;
    for (const jobs::SiteStepView& site : view.steps[round].sites) cohort.insert(site.site);
    EXPECT_THAT(cohort, SizeIs(5));
    cohorts.insert(cohort);
  }
  EXPECT_THAT(cohorts, SizeIs(2));
  EXPECT_THAT(view.steps[2].sites, SizeIs(12));
}

}  // namespace
}  // namespace consilium::server::round
