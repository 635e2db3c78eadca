// Who is drawn for a round: how many, how often, and always the same.
#include "server/round/cohort.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSubsetOf;
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

// How often each site is drawn in so many rounds.
std::map<SiteId, int> CountDraws(const job::ParticipationSpec& wanted,
                                 const std::vector<SiteId>& eligible, int rounds) {
  job::JobSpec spec;
  spec.seed = 11;
  spec.seed_given = true;
  std::map<SiteId, int> times;
  for (int round = 1; round <= rounds; ++round) {
    const auto drawn = DrawCohort(wanted, eligible, CohortKey(spec, StepNumber(round)));
    EXPECT_TRUE(std::ranges::is_sorted(drawn));
    EXPECT_THAT(drawn, IsSubsetOf(eligible));
    EXPECT_EQ(std::set<SiteId>(drawn.begin(), drawn.end()).size(), drawn.size());
    for (const SiteId& site : drawn) ++times[site];
  }
  return times;
}

// Of a sum of `trials` with chance p, four standard deviations: one run in 16,000 would miss.
void ExpectShare(int count, int trials, double p) {
  EXPECT_NEAR(count, trials * p, 4 * std::sqrt(trials * p * (1 - p)));
}

TEST(DrawCohort, UniformAsksAllAlike) {
  const auto all = ManySites(20);
  for (const auto& [site, times] : CountDraws(Goal(5, 1.0), all, 2000)) {
    SCOPED_TRACE(site.value());
    ExpectShare(times, 2000, 0.25);
  }
}

// One is drawn: by its weight over all. Two: 1 - (the chance to be left twice).
TEST(DrawCohort, WeightedGoesByTheWeights) {
  const auto all = ManySites(4);
  job::ParticipationSpec wanted = Goal(1, 1.0);
  wanted.sampling = job::Sampling::kWeighted;
  wanted.site_weights = {{all[0], 5}, {all[1], 3}};  // the others weigh 1
  auto times = CountDraws(wanted, all, 3000);
  ExpectShare(times[all[0]], 3000, 0.5);
  ExpectShare(times[all[1]], 3000, 0.3);
  ExpectShare(times[all[2]], 3000, 0.1);
  ExpectShare(times[all[3]], 3000, 0.1);
  wanted.goal = 2;
  times = CountDraws(wanted, all, 3000);
  // First, or second after one of the others: 5/10 + 3/10 5/7 + 2 (1/10 5/9).
  ExpectShare(times[all[0]], 3000, 0.5 + 0.3 * 5 / 7 + 2 * 0.1 * 5 / 9);
}

TEST(DrawCohort, TagsTakeTurns) {
  const auto all = ManySites(12);
  job::ParticipationSpec wanted = Goal(6, 1.0);
  wanted.sampling = job::Sampling::kTags;
  wanted.tags = {{"north", {all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7]}},
                 {"south", {all[8], all[9]}}};  // 10 and 11 have none
  job::JobSpec spec;
  for (uint64_t step = 1; step <= 50; ++step) {
    const auto drawn = DrawCohort(wanted, all, CohortKey(spec, StepNumber(step)));
    ASSERT_THAT(drawn, SizeIs(6));
    const auto among = [&](size_t first, size_t end) {
      return std::ranges::count_if(
          drawn, [&](const SiteId& site) { return site >= all[first] && site <= all[end - 1]; });
    };
    EXPECT_EQ(among(0, 8), 2);
    EXPECT_EQ(among(8, 10), 2);
    EXPECT_EQ(among(10, 12), 2);
  }
  wanted.goal = 9;
  EXPECT_THAT(DrawCohort(wanted, all, KeyOf(1)), SizeIs(9)) << "more of the large, none of others";
  for (const auto& [site, times] : CountDraws(Goal(6, 1.0), all, 500)) EXPECT_GT(times, 100);
}

TEST(DrawCohort, RequiredSitesStandBeforeEveryDraw) {
  const auto all = ManySites(30);
  for (const job::Sampling sampling : {job::Sampling::kWeighted, job::Sampling::kTags}) {
    job::ParticipationSpec wanted = Goal(4, 1.0);
    wanted.sampling = sampling;
    wanted.tags = {{"t", {all[3], all[29]}}};
    wanted.required_sites = {all[29]};
    for (uint8_t key = 0; key < 20; ++key) {
      const auto drawn = DrawCohort(wanted, all, KeyOf(key));
      EXPECT_THAT(drawn, SizeIs(4));
      EXPECT_THAT(drawn, Contains(all[29]));
    }
  }
}

// Each by itself: the number of draws of one site, of two together, and the spread of the sizes.
TEST(DrawCohort, PoissonDrawsEachSiteByItself) {
  const auto all = ManySites(40);
  job::ParticipationSpec wanted;
  wanted.sampling = job::Sampling::kPoisson;
  wanted.sampling_rate = 0.3;
  job::JobSpec spec;
  const int rounds = 2000;
  int first = 0, both = 0;
  double squares = 0;
  for (int step = 1; step <= rounds; ++step) {
    const auto drawn = DrawCohort(wanted, all, CohortKey(spec, StepNumber(step)));
    const bool a = std::ranges::binary_search(drawn, all[0]);
    first += a;
    both += a && std::ranges::binary_search(drawn, all[1]);
    const double off = static_cast<double>(drawn.size()) - 12;
    squares += off * off;
  }
  ExpectShare(first, rounds, 0.3);
  ExpectShare(both, rounds, 0.09);
  EXPECT_NEAR(squares / rounds, 40 * 0.3 * 0.7, 1) << "binomial";
}

TEST(DrawCohort, PoissonDoesNotDependOnWhoElseIsThere) {
  const auto all = ManySites(40);
  const std::vector<SiteId> half(all.begin() + 10, all.begin() + 30);
  job::ParticipationSpec wanted;
  wanted.sampling = job::Sampling::kPoisson;
  wanted.sampling_rate = 0.5;
  for (uint8_t key = 0; key < 20; ++key) {
    const auto of_all = DrawCohort(wanted, all, KeyOf(key));
    const auto of_half = DrawCohort(wanted, half, KeyOf(key));
    for (const SiteId& site : half) {
      EXPECT_EQ(std::ranges::binary_search(of_all, site),
                std::ranges::binary_search(of_half, site));
    }
  }
  wanted.sampling_rate = 1;
  EXPECT_EQ(DrawCohort(wanted, all, KeyOf(1)), all);
  wanted.sampling_rate = 1e-15;
  EXPECT_THAT(DrawCohort(wanted, all, KeyOf(1)), SizeIs(0));
}

std::vector<std::set<SiteId>> CohortsOf(const jobs::JobView& view) {
  std::vector<std::set<SiteId>> cohorts;
  for (const jobs::StepView& step : view.steps) {
    if (step.workload != wire::Workload::kTrain) continue;
    std::set<SiteId>& cohort = cohorts.emplace_back();
    for (const jobs::SiteStepView& site : step.sites) cohort.insert(site.site);
  }
  return cohorts;
}

// A round that draws too few fails by name, and the next one draws anew; twice the same story.
TEST(Sampling, PoissonRoundsOfTooFewFailByNameAndTheJobEnds) {
  std::vector<std::vector<std::set<SiteId>>> stories;
  for (int again = 0; again < 2; ++again) {
    SmallFederation f(std::vector<FakeSite::Manners>(12));
    f.Start();
    ASSERT_OK_AND_ASSIGN(const JobId job,
                         f.Submit(JobText("min_sites = 5\nsampling = \"poisson\"\n"
                                          "sampling_rate = 0.35\nmax_failed_rounds = 100")));
    ASSERT_TRUE(f.RunToEnd(job));
    const jobs::JobView view = f.Show(job);
    EXPECT_EQ(view.status, jobs::JobStatus::kDone) << view.reason;
    EXPECT_EQ(view.rounds_committed, 2u);
    for (const jobs::StepView& step : view.steps) {
      if (step.committed) continue;
      EXPECT_LT(step.sites.size(), 5u);
      EXPECT_THAT(step.reason, HasSubstr("want min_sites=5"));
    }
    EXPECT_THAT(view.steps.back().sites, SizeIs(12)) << "the evaluation asks every site";
    stories.push_back(CohortsOf(view));
  }
  EXPECT_EQ(stories[0], stories[1]);
}

TEST(Sampling, ARestartDoesNotDrawAgain) {
  std::vector<FakeSite::Manners> manners(6);
  for (FakeSite::Manners& site : manners) site.silent = true;
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job,
                       f.Submit(JobText("min_sites = 2\ngoal = 2\nsampling = \"weighted\"\n"
                                        "site_weights = { a = 10, f = 10 }")));
  f.Settle();
  const auto drawn = [&] {
    std::set<SiteId> sites;
    const jobs::JobView view = f.Show(job);
    for (const jobs::SiteStepView& site : view.current.value().sites) {
      sites.insert(site.site);
    }
    return sites;
  };
  const std::set<SiteId> before = drawn();
  EXPECT_THAT(before, SizeIs(2));
  f.Crash(CrashKind::kPowerCut);
  f.Start();
  f.Settle();
  EXPECT_EQ(drawn(), before);
}

// One site claims 5,000 rows and counts as 2 of them; the report says so.
TEST(WeightCap, TheReportSaysWhoWeighsLess) {
  SmallFederation f(
      {{.delta = 1, .weight = 1}, {.delta = 2, .weight = 1}, {.delta = 4, .weight = 5000}});
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job,
                       f.Submit(JobText("min_sites = 3\n[aggregation]\nweight_cap = 2")));
  ASSERT_TRUE(f.RunToEnd(job));
  const jobs::StepView round = f.Show(job).steps.at(0);
  EXPECT_EQ(round.total_weight, 4u);
  EXPECT_EQ(round.sites[0].reason, "");
  EXPECT_EQ(round.sites[2].result, "counted");
  EXPECT_EQ(round.sites[2].reason, "weighs as 2 of its 5000 rows (aggregation.weight_cap)");
  const wire::State state = f.server->states().Get(f.Show(job).state).value();
  EXPECT_THAT(state.broadcast.tensors.Float32(0), Each(5.5f));  // twice (1 + 2 + 2 * 4) / 4
}

}  // namespace
}  // namespace consilium::server::round
