// late = "next_round": what comes after its round closed counts once, later, by its age.
#include "server/round/late_updates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

using consilium::testing::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kLateJob = "min_sites = 2\ngoal = 2\nselect = 2\nlate = \"next_round\"";

job::JobSpec SpecOf(const std::string& participation) {
  return job::ParseJob(AsBytes(JobText(participation)), "job.toml").value();
}

std::vector<FakeSite::Manners> SlowThird() {
  return {{.delta = 1}, {.delta = 2}, {.silent = true, .delta = 4, .weight = 100}};
}

// "a" and "b" are counted in round 1; "c" has its task of round 1 and has not answered yet.
JobId RunRoundOne(SmallFederation& f, const std::string& top = "") {
  f.Start();
  const JobId job = f.Submit(JobText(kLateJob, top)).value();
  for (int i = 0; i < 100 && (f.server->Pump(), f.Show(job).steps.empty()); ++i) {
    for (const auto& site : f.sites) site->Work();
  }
  EXPECT_EQ(f.Show(job).steps.size(), 1u);
  return job;
}

class LateTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  LateTest() : f(SlowThird()) { f.small_update_bytes = GetParam(); }
  void ComeBack(CrashKind kind) {
    f.Crash(kind);
    f.Start();
  }
  // Until c has been asked so often; it does not answer.
  void WaitForOffers(size_t offers) {
    for (int i = 0; i < 10 && c().offers.size() < offers; ++i) {
      f.server->Pump();
      c().Work();
    }
    ASSERT_EQ(c().offers.size(), offers);
  }
  FakeSite& c() { return *f.sites[2]; }

  SmallFederation f;
};

INSTANTIATE_TEST_SUITE_P(FilesAndSegments, LateTest,
                         ::testing::Values(uint64_t{0}, store::kMaxSmallBytes));

TEST(LateWeight, FollowsTheTableAndIsAtLeastOne) {
  const job::JobSpec spec = SpecOf("late = \"next_round\"\nstaleness = [32768, 1]");
  EXPECT_EQ(LateWeight(spec, 1000, 0), 1000u);
  EXPECT_EQ(LateWeight(spec, 1000, 1), 500u);
  EXPECT_EQ(LateWeight(spec, 1000, 2), 1u);
  EXPECT_EQ(LateWeight(spec, 1, 1), 1u);
  EXPECT_EQ(LateWeight(spec, 1u << 29, 1), (1u << 20) / 2) << "capped before it is scaled";
}

TEST(LateWeight, TheDefaultTableIsPolynomialStaleness) {
  const job::JobSpec spec = SpecOf("late = \"next_round\"");
  for (uint32_t age = 1; age <= spec.participation.staleness.size(); ++age) {
    EXPECT_EQ(spec.participation.staleness[age - 1],
              static_cast<uint32_t>(std::lround(65536 / std::sqrt(1.0 + age))));
  }
}

TEST_P(LateTest, CountsOnceInTheNextRoundByItsAge) {
  const JobId job = RunRoundOne(f);
  WaitForOffers(1);
  EXPECT_THAT(c().outcomes, IsEmpty()) << "it is still at work";
  EXPECT_THAT(c().cancels, IsEmpty());
  c().FinishLate();
  EXPECT_THAT(c().outcomes, IsEmpty()) << "kept until it is counted";
  ASSERT_TRUE(f.RunToEnd(job));
  f.Settle();
  const jobs::JobView view = f.Show(job);
  ASSERT_EQ(view.steps.size(), 3u);
  EXPECT_EQ(view.steps[0].sites[2].result, "late");
  EXPECT_THAT(view.steps[0].late, IsEmpty());
  EXPECT_EQ(view.steps[1].sites.size(), 2u) << "it was not asked while it was at work";
  ASSERT_EQ(view.steps[1].late.size(), 1u);
  const jobs::LateUpdateView& late = view.steps[1].late[0];
  EXPECT_EQ(late.site, SiteId("c"));
  EXPECT_EQ(late.round, RoundNumber(1));
  EXPECT_EQ(late.age, 1u);
  EXPECT_EQ(late.result, "late_carried");
  EXPECT_EQ(late.weight, 100u);
  EXPECT_EQ(late.counted_weight, 70u);
  EXPECT_EQ(view.steps[1].total_weight, 72u);
  EXPECT_THAT(OutcomesOf(c()), ElementsAre("late_carried", "counted"));
  EXPECT_THAT(c().outcomes[0].reason, HasSubstr("counted in round 2, 1 round late"));
}

TEST_P(LateTest, SurvivesCrashesBeforeAndAfterItCame) {
  SmallFederation quiet(SlowThird());
  quiet.small_update_bytes = GetParam();
  const JobId undisturbed = RunRoundOne(quiet);
  quiet.sites[2]->FinishLate();
  ASSERT_TRUE(quiet.RunToEnd(undisturbed));

  const JobId job = RunRoundOne(f);
  WaitForOffers(1);
  ComeBack(CrashKind::kPowerCut);
  WaitForOffers(2);  // asked again for what is still to come
  EXPECT_EQ(c().offers[1].step, c().offers[0].step);
  c().FinishLate();
  ComeBack(CrashKind::kPowerCut);
  ASSERT_TRUE(f.RunToEnd(job));
  f.Settle();
  EXPECT_EQ(f.Show(job).state, quiet.Show(undisturbed).state);
  EXPECT_EQ(f.Show(job).steps[1].late.size(), 1u);
  EXPECT_THAT(OutcomesOf(c()), ElementsAre("late_carried", "counted"));
}

TEST_P(LateTest, ReplayRedoesTheSumWithItsWeights) {
  const JobId job = RunRoundOne(f, "retain = \"updates\"");
  WaitForOffers(1);
  c().FinishLate();
  ASSERT_TRUE(f.RunToEnd(job));
  ASSERT_OK_AND_ASSIGN(const auto steps, f.server->Replay(job));
  ASSERT_EQ(steps.size(), 3u);
  for (const ReplayedStep& step : steps) {
    EXPECT_EQ(step.replayed, step.recorded);
    EXPECT_TRUE(step.sums_redone);
  }
}

TEST_P(LateTest, WhatNeverComesIsDroppedByNameWithTheLastRound) {
  const JobId job = RunRoundOne(f);
  ASSERT_TRUE(f.RunUntil([&] { return f.Show(job).steps.size() >= 2; }));
  const jobs::StepView last = f.Show(job).steps[1];
  ASSERT_EQ(last.late.size(), 1u);
  EXPECT_EQ(last.late[0].result, "late_dropped");
  EXPECT_EQ(last.late[0].counted_weight, 0u);
  EXPECT_EQ(last.late[0].reason, "no further round could count it");
  ASSERT_TRUE(f.RunUntil([&] { return !c().outcomes.empty(); }));
  EXPECT_THAT(OutcomesOf(c()), ElementsAre("late_dropped"));
}

TEST_P(LateTest, ARoundThatHasTooFewWithoutItWaitsAndSaysSo) {
  const JobId job = RunRoundOne(f);
  WaitForOffers(1);
  f.sites[1]->Leave();
  ASSERT_TRUE(f.RunUntil([&] { return f.Show(job).wait.kind == "late"; }));
  EXPECT_THAT(f.Show(job).wait.text,
              HasSubstr("1 of min_sites=2 sites are free; waiting for late updates of c"));
  c().FinishLate();
  ASSERT_TRUE(f.RunUntil([&] { return f.Show(job).rounds_committed == 2; }));
  f.Settle();
  EXPECT_THAT(OutcomesOf(c()), Contains("late_carried"));
}

TEST_P(LateTest, ASiteThatComesBackIsAskedForItAgain) {
  RunRoundOne(f);
  WaitForOffers(1);
  c().Leave();
  ASSERT_TRUE(c().Attend(*f.server));
  WaitForOffers(2);
  EXPECT_EQ(c().offers[1].step, StepNumber(1));
  EXPECT_EQ(c().offers[1].state, c().offers[0].state);
}

// FedBuff: algorithm 1 of Nguyen et al. 2022, with a buffer of two.
TEST_P(LateTest, ABufferFillsWithUpdatesOfOlderRounds) {
  f.Start();
  const JobId job = f.Submit(JobText("[aggregation]\nstrategy = \"fedbuff\"\nbuffer = 2\n"
                                     "staleness_exponent = 1\nserver_learning_rate = 0.5"))
                        .value();
  const auto work = [&](size_t steps) {
    for (int i = 0; i < 100 && (f.server->Pump(), f.Show(job).steps.size() < steps); ++i) {
      for (const auto& site : f.sites) site->Work();
    }
  };
  work(1);
  ASSERT_EQ(c().offers.size(), 1u) << "all free sites train, not only as many as fill the buffer";
  f.sites[1]->manners.silent = true;
  work(2);
  ASSERT_EQ(f.sites[0]->offers.size(), 2u);
  EXPECT_EQ(f.Show(job).steps.size(), 1u) << "one of two";
  c().FinishLate();
  f.Settle();
  const jobs::JobView view = f.Show(job);
  ASSERT_GE(view.steps.size(), 2u) << "a's update and c's of round 1 fill it";
  EXPECT_EQ(view.steps[1].sites[0].result, "counted");
  EXPECT_EQ(view.steps[1].sites[1].result, "late");
  ASSERT_EQ(view.steps[1].late.size(), 1u);
  EXPECT_EQ(view.steps[1].late[0].counted_weight, 50u) << "1 / (1 + 1) of 100 rows";
}

TEST_P(LateTest, ACancelledJobDropsItByName) {
  const JobId job = RunRoundOne(f);
  WaitForOffers(1);
  c().FinishLate();
  ASSERT_THAT(f.server->Cancel(job, "ada"), IsOk());
  ASSERT_TRUE(f.RunToEnd(job));
  f.Settle();
  EXPECT_THAT(OutcomesOf(c()), ElementsAre("late_dropped"));
}

}  // namespace
}  // namespace consilium::server::round
