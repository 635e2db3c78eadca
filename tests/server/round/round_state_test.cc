#include "server/round/round_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/round/round_events.h"

namespace consilium::server::round {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RoundState, StartOffersTheStepToEverySelectedSiteWithTheTimeLeft) {
  RoundState round(PlanOf({kA, kB}, 1));
  EXPECT_EQ(round.phase(), Phase::kSelecting);
  const auto offers = Only<Offer>(round.Apply(Start{}, kStart));
  ASSERT_EQ(offers.size(), 2u);
  EXPECT_EQ(offers[0].site, kA);
  EXPECT_EQ(offers[0].time_left, minutes(5));
  EXPECT_EQ(round.phase(), Phase::kTraining);
  EXPECT_TRUE(round.Apply(Start{}, kStart).empty()) << "a second start changes nothing";
}

TEST(RoundState, AllCountedCommitsExactlyTheCountedThenNotifiesAndFinishes) {
  RoundState round(PlanOf({kB, kA}, 2));
  round.Apply(Start{}, kStart);
  EXPECT_TRUE(Only<Commit>(round.Apply(Accepted(kA), kStart + seconds(3))).empty());
  const auto commits = Only<Commit>(round.Apply(Accepted(kB), kStart + seconds(4)));
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_THAT(SitesOf(commits[0].counted), ElementsAre("a", "b"));
  EXPECT_EQ(round.phase(), Phase::kCommitting);
  const auto end = round.Apply(Committed{DigestOf(9)}, kStart + seconds(5));
  ASSERT_FALSE(end.empty());
  const auto* finished = std::get_if<Finished>(&end.front());
  ASSERT_NE(finished, nullptr) << "the report is journalled before anyone is told";
  EXPECT_TRUE(finished->committed);
  EXPECT_EQ(finished->state, DigestOf(9));
  EXPECT_EQ(OutcomeFor(end, kA), wire::OutcomeKind::kCounted);
  EXPECT_EQ(OutcomeFor(end, kB), wire::OutcomeKind::kCounted);
  EXPECT_EQ(round.phase(), Phase::kDone);
  EXPECT_EQ(round.sites().at(kA).elapsed, seconds(3));
}

TEST(RoundState, LateUpdatesFillTheGoalOnlyWhereThePlanSaysSoAndNeverAlone) {
  for (const bool fill : {true, false}) {
    RoundPlan plan = PlanOf({kA, kB}, 1);
    plan.goal = 2;
    plan.late_fill_goal = fill;
    RoundState round(plan);
    round.Apply(Start{}, kStart);
    EXPECT_TRUE(Only<Commit>(round.Apply(LateHere{5}, kStart)).empty()) << "none was asked here";
    const auto commits = Only<Commit>(round.Apply(Accepted(kA), kStart + seconds(1)));
    EXPECT_EQ(commits.size(), fill ? 1u : 0u);
  }
}

TEST(RoundState, LateUpdateIsNotCounted) {
  RoundState round(PlanOf({kA, kB}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart + seconds(1));
  round.Apply(OfferAccepted{kB}, kStart + seconds(1));
  for (int s = 30; s < 300; s += 30) round.Apply(Progress{kB, "train"}, kStart + seconds(s));
  const auto close = round.Apply(Tick{}, kStart + minutes(5));
  ASSERT_EQ(Only<Commit>(close).size(), 1u);
  EXPECT_THAT(SitesOf(Only<Commit>(close)[0].counted), ElementsAre("a"));
  EXPECT_TRUE(round.Apply(Accepted(kB), kStart + minutes(5)).empty());
  EXPECT_EQ(round.sites().at(kB).result, SiteResult::kLate);
  EXPECT_THAT(round.sites().at(kB).reason, HasSubstr("deadline"));
  EXPECT_EQ(round.counted(), 1u);
  EXPECT_EQ(OutcomeFor(round.Apply(Committed{}, kStart + minutes(6)), kB),
            wire::OutcomeKind::kLateDropped);
}

TEST(RoundState, RepeatedUpdateIsCountedOnce) {
  RoundState round(PlanOf({kA, kB, kC}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA, 10), kStart);
  EXPECT_TRUE(round.Apply(Accepted(kA, 99), kStart).empty());
  EXPECT_EQ(round.counted(), 1u);
  EXPECT_EQ(round.sites().at(kA).weight, 10u);
}

TEST(RoundState, UpdateOfASiteThatWasNotSelectedChangesNothing) {
  RoundState round(PlanOf({kA}, 1));
  round.Apply(Start{}, kStart);
  EXPECT_TRUE(round.Apply(Accepted(kD), kStart).empty());
  EXPECT_TRUE(round.Apply(SiteAttended{kD}, kStart).empty());
  EXPECT_EQ(round.counted(), 0u);
  EXPECT_FALSE(round.sites().contains(kD));
}

TEST(RoundState, RefusedFailedAndSilentSitesCloseTheStep) {
  RoundState round(PlanOf({kA, kB, kC, kD}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(OfferRefused{kA, "min_rows", "too few rows"}, kStart + seconds(1));
  round.Apply(SiteFailed{kB, "CN0401: no dataset heart"}, kStart + seconds(1));
  round.Apply(Accepted(kC), kStart + seconds(2));
  EXPECT_EQ(round.phase(), Phase::kTraining);
  const auto close = round.Apply(Tick{}, kStart + seconds(30));
  EXPECT_EQ(Only<Withdraw>(close).size(), 1u);
  EXPECT_THAT(SitesOf(Only<Commit>(close).at(0).counted), ElementsAre("c"));
  EXPECT_EQ(round.sites().at(kA).result, SiteResult::kRefused);
  EXPECT_EQ(round.sites().at(kA).reason, "min_rows: too few rows");
  EXPECT_EQ(round.sites().at(kB).result, SiteResult::kFailed);
  EXPECT_EQ(round.sites().at(kD).result, SiteResult::kFailed);
  EXPECT_THAT(round.sites().at(kD).reason, HasSubstr("CN0712"));
  const auto end = round.Apply(Committed{}, kStart + seconds(31));
  EXPECT_EQ(OutcomeFor(end, kA), wire::OutcomeKind::kRefused);
  EXPECT_EQ(OutcomeFor(end, kB), wire::OutcomeKind::kFailed);
  EXPECT_EQ(OutcomeFor(end, kC), wire::OutcomeKind::kCounted);
  EXPECT_EQ(OutcomeFor(end, kD), wire::OutcomeKind::kFailed);
}

TEST(RoundState, ProgressKeepsTheLeaseAndSilenceEndsIt) {
  RoundState round(PlanOf({kA}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(OfferAccepted{kA}, kStart + seconds(29));
  round.Apply(Progress{kA, "train"}, kStart + seconds(80));
  round.Apply(Tick{}, kStart + seconds(139));
  EXPECT_EQ(round.sites().at(kA).result, SiteResult::kWorking);
  EXPECT_EQ(round.sites().at(kA).phase, "train");
  const auto end = round.Apply(Tick{}, kStart + seconds(140));
  EXPECT_FALSE(Only<Finished>(end).at(0).committed);
  EXPECT_THAT(Only<Finished>(end).at(0).reason, HasSubstr("a (failed: CN0712: no progress"));
}

TEST(RoundState, GoalClosesEarlyAndStragglersAreWithdrawnAndLate) {
  RoundPlan plan = PlanOf({kA, kB, kC}, 1);
  plan.goal = 2;
  RoundState round(plan);
  round.Apply(Start{}, kStart);
  round.Apply(OfferAccepted{kB}, kStart);
  round.Apply(Accepted(kA), kStart + seconds(1));
  const auto close = round.Apply(Accepted(kC), kStart + seconds(2));
  ASSERT_EQ(Only<Withdraw>(close).size(), 1u);
  EXPECT_EQ(Only<Withdraw>(close)[0].site, kB);
  EXPECT_THAT(SitesOf(Only<Commit>(close).at(0).counted), ElementsAre("a", "c"));
  EXPECT_THAT(round.sites().at(kB).reason, HasSubstr("goal of 2"));
  EXPECT_EQ(OutcomeFor(round.Apply(Committed{}, kStart + seconds(3)), kB),
            wire::OutcomeKind::kLateDropped);
}

TEST(RoundState, GoalWaitsForARequiredSite) {
  RoundPlan plan = PlanOf({kA, kB}, 1);
  plan.goal = 1;
  plan.required = {kB};
  RoundState round(plan);
  round.Apply(Start{}, kStart);
  EXPECT_TRUE(round.Apply(Accepted(kA), kStart).empty());
  EXPECT_EQ(Only<Commit>(round.Apply(Accepted(kB), kStart)).size(), 1u);
}

TEST(RoundState, TooFewCountedFailsAndNamesWhoIsMissing) {
  RoundState round(PlanOf({kA, kB, kC}, 3));
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart);
  round.Apply(Accepted(kB), kStart);
  const auto end = round.Apply(SiteFailed{kC, "CN0404: bad cell"}, kStart + seconds(1));
  ASSERT_EQ(Only<Finished>(end).size(), 1u);
  EXPECT_FALSE(Only<Finished>(end)[0].committed);
  EXPECT_THAT(Only<Finished>(end)[0].reason,
              ::testing::AllOf(HasSubstr("2 of 3"), HasSubstr("min_sites=3"),
                               HasSubstr("c (failed: CN0404: bad cell)")));
  EXPECT_TRUE(Only<Commit>(end).empty());
  EXPECT_EQ(OutcomeFor(end, kA), wire::OutcomeKind::kRoundFailed);
  EXPECT_EQ(OutcomeFor(end, kC), wire::OutcomeKind::kFailed);
  EXPECT_EQ(round.phase(), Phase::kFailed);
}

TEST(RoundState, MissingRequiredSiteFailsByName) {
  RoundPlan plan = PlanOf({kA, kB}, 1);
  plan.required = {kB, kD};
  RoundState round(plan);
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart);
  const auto end = round.Apply(OfferRefused{kB, "workloads", "train is not allowed"}, kStart);
  ASSERT_EQ(Only<Finished>(end).size(), 1u);
  EXPECT_THAT(Only<Finished>(end)[0].reason,
              ::testing::AllOf(HasSubstr("required"), HasSubstr("b (refused: workloads"),
                               HasSubstr("d (not selected)")));
}

TEST(RoundState, NobodySelectedFailsAtOnce) {
  RoundState round(PlanOf({}, 1));
  const auto end = round.Apply(Start{}, kStart);
  ASSERT_EQ(Only<Finished>(end).size(), 1u);
  EXPECT_THAT(Only<Finished>(end)[0].reason, HasSubstr("no further site was selected"));
}

TEST(RoundState, ReconnectSendsTheOpenOfferAgainWithLessTime) {
  RoundState round(PlanOf({kA, kB}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(OfferAccepted{kA}, kStart + seconds(1));
  const auto offers = Only<Offer>(round.Apply(SiteAttended{kA}, kStart + seconds(20)));
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].time_left, minutes(5) - seconds(20));
  round.Apply(Accepted(kA), kStart + seconds(21));
  EXPECT_TRUE(round.Apply(SiteAttended{kA}, kStart + seconds(22)).empty())
      << "a counted site has nothing left to do";
}

TEST(RoundState, SiteThatComesBackAfterItsLeaseIsAskedAgain) {
  RoundState round(PlanOf({kA, kB}, 2));
  round.Apply(Start{}, kStart);
  round.Apply(OfferAccepted{kB}, kStart);
  round.Apply(Tick{}, kStart + seconds(30));
  EXPECT_EQ(round.sites().at(kA).result, SiteResult::kFailed);
  EXPECT_EQ(Only<Offer>(round.Apply(SiteAttended{kA}, kStart + seconds(40))).size(), 1u);
  EXPECT_EQ(round.sites().at(kA).result, SiteResult::kOffered);
  round.Apply(Accepted(kA), kStart + seconds(45));
  EXPECT_EQ(Only<Commit>(round.Apply(Accepted(kB), kStart + seconds(46))).size(), 1u);
}

TEST(RoundState, SiteThatFailedByItsOwnWordIsNotAskedAgain) {
  RoundState round(PlanOf({kA, kB}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(SiteFailed{kA, "CN0404"}, kStart);
  EXPECT_TRUE(round.Apply(SiteAttended{kA}, kStart).empty());
}

TEST(RoundState, UpdateAcceptedBeforeTheCloseCountsAfterAnExpiredLease) {
  RoundState round(PlanOf({kA, kB}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(OfferAccepted{kB}, kStart);
  round.Apply(Tick{}, kStart + seconds(30));
  round.Apply(Accepted(kA), kStart + seconds(31));
  EXPECT_EQ(round.sites().at(kA).result, SiteResult::kCounted);
  EXPECT_TRUE(round.sites().at(kA).reason.empty());
}

TEST(RoundState, UpdatesAcceptedBeforeARestartAreNotOfferedAgain) {
  RoundState round(PlanOf({kA, kB}, 2));
  round.Apply(Accepted(kA), kStart);
  const auto offers = Only<Offer>(round.Apply(Start{}, kStart));
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].site, kB);
  const auto close = round.Apply(Accepted(kB), kStart);
  EXPECT_THAT(SitesOf(Only<Commit>(close).at(0).counted), ElementsAre("a", "b"));
}

TEST(RoundState, CancelBeforeTheStartFinishes) {
  RoundState round(PlanOf({kA}, 1));
  const auto end = round.Apply(Cancel{"cancelled by ada"}, kStart);
  EXPECT_EQ(Only<Finished>(end).at(0).reason, "cancelled by ada");
  EXPECT_TRUE(Only<Notify>(end).empty()) << "nobody was asked";
  EXPECT_TRUE(round.Apply(Start{}, kStart).empty());
}

TEST(RoundState, CancelWhileTrainingWithdrawsAndTellsEverySite) {
  RoundState round(PlanOf({kA, kB}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart);
  const auto end = round.Apply(Cancel{"cancelled by ada"}, kStart);
  EXPECT_EQ(Only<Withdraw>(end).at(0).site, kB);
  EXPECT_FALSE(Only<Finished>(end).at(0).committed);
  EXPECT_EQ(OutcomeFor(end, kA), wire::OutcomeKind::kRoundFailed);
  EXPECT_EQ(OutcomeFor(end, kB), wire::OutcomeKind::kRoundFailed);
  EXPECT_EQ(round.sites().at(kB).reason, "cancelled by ada");
}

TEST(RoundState, CancelWhileCommittingLetsTheCommitDecide) {
  for (const bool committed : {true, false}) {
    RoundState round(PlanOf({kA}, 1));
    round.Apply(Start{}, kStart);
    round.Apply(Accepted(kA), kStart);
    EXPECT_TRUE(round.Apply(Cancel{"cancelled by ada"}, kStart).empty());
    const auto end = committed ? round.Apply(Committed{DigestOf(1)}, kStart)
                               : round.Apply(CommitFailed{"diverged"}, kStart);
    EXPECT_EQ(Only<Finished>(end).at(0).committed, committed);
    EXPECT_EQ(Only<Finished>(end).at(0).reason, committed ? "" : "cancelled by ada");
  }
}

TEST(RoundState, CancelAfterTheEndChangesNothing) {
  RoundState round(PlanOf({kA}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart);
  round.Apply(Committed{DigestOf(1)}, kStart);
  EXPECT_TRUE(round.Apply(Cancel{"late"}, kStart).empty());
  EXPECT_EQ(round.phase(), Phase::kDone);
}

TEST(RoundState, FailedCommitFailsTheStepAndTellsTheCounted) {
  RoundState round(PlanOf({kA}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart);
  const auto end = round.Apply(CommitFailed{"CN0906: diverged"}, kStart);
  EXPECT_EQ(Only<Finished>(end).at(0).reason, "CN0906: diverged");
  EXPECT_EQ(OutcomeFor(end, kA), wire::OutcomeKind::kRoundFailed);
  EXPECT_TRUE(round.Apply(Committed{DigestOf(1)}, kStart).empty());
}

TEST(RoundState, TicksAreIdempotent) {
  RoundState round(PlanOf({kA, kB}, 2));
  round.Apply(Start{}, kStart);
  EXPECT_TRUE(round.Apply(Tick{}, kStart + seconds(1)).empty());
  EXPECT_TRUE(round.Apply(Tick{}, kStart + seconds(1)).empty());
  round.Apply(OfferAccepted{kA}, kStart + seconds(1));
  EXPECT_EQ(Only<Withdraw>(round.Apply(Tick{}, kStart + seconds(30))).size(), 1u);
  EXPECT_TRUE(round.Apply(Tick{}, kStart + seconds(30)).empty());
  EXPECT_EQ(Only<Finished>(round.Apply(Tick{}, kStart + minutes(9))).size(), 1u);
  EXPECT_TRUE(round.Apply(Tick{}, kStart + minutes(10)).empty());
}

TEST(RoundState, NextDeadlineIsTheNearestLeaseThenTheDeadlineThenNothing) {
  RoundState round(PlanOf({kA}, 1));
  EXPECT_EQ(round.NextDeadline(), std::nullopt);
  round.Apply(Start{}, kStart);
  EXPECT_EQ(round.NextDeadline(), kStart + seconds(30));
  round.Apply(OfferAccepted{kA}, kStart + seconds(1));
  round.Apply(Tick{}, *round.NextDeadline());
  EXPECT_EQ(round.NextDeadline(), kStart + seconds(61));
  for (int s = 60; s <= 260; s += 50) round.Apply(Progress{kA, "train"}, kStart + seconds(s));
  round.Apply(Tick{}, kStart + seconds(270));
  EXPECT_EQ(round.NextDeadline(), kStart + minutes(5));
  round.Apply(Accepted(kA), kStart + seconds(280));
  EXPECT_EQ(round.NextDeadline(), std::nullopt);
}

TEST(RoundState, ACarriedStragglerGoesOnAndHearsNothingUnlessTheStepFails) {
  RoundPlan plan = PlanOf({kA, kB}, 1);
  plan.goal = 1;
  plan.carry_late = true;
  for (const bool commits : {true, false}) {
    RoundState round(plan);
    round.Apply(Start{}, kStart);
    const auto closing = round.Apply(Accepted(kA), kStart + seconds(1));
    EXPECT_TRUE(Only<Withdraw>(closing).empty());
    EXPECT_EQ(round.sites().at(kB).result, SiteResult::kLate);
    const auto end = round.Apply(commits ? Event(Committed{DigestOf(9)}) : CommitFailed{"no"},
                                 kStart + seconds(2));
    EXPECT_EQ(Only<Notify>(end).size(), commits ? 1u : 2u);
  }
}

TEST(RoundState, AStepThatFailsCarriesNobody) {
  RoundPlan plan = PlanOf({kA, kB}, 2);
  plan.carry_late = true;
  RoundState round(plan);
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart + seconds(1));
  const auto end = round.Apply(Tick{}, kStart + minutes(6));
  EXPECT_EQ(OutcomeFor(end, kB), wire::OutcomeKind::kFailed) << "its lease ran out";
  EXPECT_EQ(OutcomeFor(end, kA), wire::OutcomeKind::kRoundFailed);
}

}  // namespace
}  // namespace consilium::server::round
