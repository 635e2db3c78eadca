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

std::vector<SiteId> ManySites(size_t count) {
  std::vector<SiteId> sites;
  for (size_t i = 0; i < count; ++i) sites.emplace_back(fmt::format("s{:03}", i));
  return sites;
}

job::ParticipationSpec Goal(uint32_t goal, double select) {
  job::ParticipationSpec wanted;
  wanted.goal = goal;
  wanted.select = select;
  return wanted;
}

Digest KeyOf(uint8_t value) {
  Digest key;
  key.bytes.fill(value);
  return key;
}

TEST(DrawCohort, AsksTheGoalTimesTheFactorRoundedUp) {
  const std::vector<SiteId> all = ManySites(200);
  EXPECT_THAT(DrawCohort(Goal(10, 1.3), all, KeyOf(1)), SizeIs(13));
  EXPECT_THAT(DrawCohort(Goal(11, 1.3), all, KeyOf(1)), SizeIs(15));    // 14.3
  EXPECT_THAT(DrawCohort(Goal(100, 1.1), all, KeyOf(1)), SizeIs(110));  // not 110.00000000000001
  EXPECT_THAT(DrawCohort(Goal(1, 1.0), all, KeyOf(1)), SizeIs(1));
}

TEST(DrawCohort, WithoutAGoalOrWithTooFewSitesEveryOneIsAsked) {
  const std::vector<SiteId> all = ManySites(12);
  EXPECT_EQ(DrawCohort(Goal(0, 1.0), all, KeyOf(1)), all);
  EXPECT_EQ(DrawCohort(Goal(10, 1.3), all, KeyOf(1)), all);
}

TEST(DrawCohort, RequiredSitesAreAlwaysAsked) {
  job::ParticipationSpec wanted = Goal(3, 1.0);
  wanted.required_sites = {SiteId("s007"), SiteId("s150")};
  for (uint8_t key = 0; key < 50; ++key) {
    const auto cohort = DrawCohort(wanted, ManySites(200), KeyOf(key));
    EXPECT_THAT(cohort, SizeIs(3));
    EXPECT_THAT(cohort, Contains(SiteId("s007")));
    EXPECT_THAT(cohort, Contains(SiteId("s150")));
  }
  wanted.goal = 1;
  EXPECT_THAT(DrawCohort(wanted, ManySites(200), KeyOf(1)), SizeIs(2)) << "even beyond the goal";
}

TEST(DrawCohort, IsTheSameForTheSameKeyAndReachesEverySite) {
  const std::vector<SiteId> all = ManySites(20);
  EXPECT_EQ(DrawCohort(Goal(5, 1.2), all, KeyOf(3)), DrawCohort(Goal(5, 1.2), all, KeyOf(3)));
  std::set<SiteId> asked;
  for (uint8_t key = 0; key < 100; ++key) {
    const auto cohort = DrawCohort(Goal(5, 1.2), all, KeyOf(key));
    EXPECT_TRUE(std::ranges::is_sorted(cohort));
    asked.insert(cohort.begin(), cohort.end());
  }
  EXPECT_EQ(asked.size(), all.size());
}

TEST(CohortKey, DiffersFromStepToStepAndFollowsTheSeed) {
  job::JobSpec spec;
  spec.seed = 7;
  spec.seed_given = true;
  job::JobSpec twin = spec;
  twin.digest.bytes.fill(9);  // another file with the same seed
  EXPECT_EQ(CohortKey(spec, StepNumber(3)), CohortKey(twin, StepNumber(3)));
  EXPECT_NE(CohortKey(spec, StepNumber(3)), CohortKey(spec, StepNumber(4)));
}

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
