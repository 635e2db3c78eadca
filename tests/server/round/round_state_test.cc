#include "server/round/round_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/random.h"

namespace consilium::server::round {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const SiteId kA("a"), kB("b"), kC("c"), kD("d");
constexpr Instant kStart{seconds(100)};

RoundPlan PlanOf(std::vector<SiteId> sites, uint32_t min_sites) {
  RoundPlan plan;
  plan.step = StepNumber(1);
  plan.selected = std::move(sites);
  plan.min_sites = min_sites;
  plan.deadline = minutes(5);
  plan.accept_lease = seconds(30);
  plan.progress_lease = seconds(60);
  return plan;
}

Digest DigestOf(uint8_t value) {
  Digest digest;
  digest.bytes[0] = value;
  return digest;
}

template <typename T>
std::vector<T> Only(const std::vector<Action>& actions) {
  std::vector<T> found;
  for (const Action& action : actions) {
    if (const T* match = std::get_if<T>(&action)) found.push_back(*match);
  }
  return found;
}

std::vector<std::string> SitesOf(const std::vector<SiteId>& sites) {
  std::vector<std::string> names;
  for (const SiteId& site : sites) names.push_back(site.value());
  return names;
}

wire::OutcomeKind OutcomeFor(const std::vector<Action>& actions, const SiteId& site) {
  for (const Notify& notify : Only<Notify>(actions)) {
    if (notify.site == site) return notify.outcome;
  }
  ADD_FAILURE() << site.value() << " was not notified";
  return wire::OutcomeKind::kLateCarried;
}

UpdateAccepted Accepted(const SiteId& site, uint32_t weight = 10) {
  return UpdateAccepted{site, DigestOf(static_cast<uint8_t>(weight)), weight, 1000};
}

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

TEST(RoundState, EverySelectedSiteIsInTheReport) {
  RoundState round(PlanOf({kA, kB, kC, kD}, 1));
  EXPECT_EQ(round.sites().size(), 4u);
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart);
  round.Apply(Cancel{"over"}, kStart);
  for (const SiteId& site : {kA, kB, kC, kD}) {
    const SiteReport& report = round.sites().at(site);
    EXPECT_EQ(report.reason.empty(), report.result == SiteResult::kCounted) << site.value();
  }
}

TEST(RoundState, WaitingForSaysForWhomAndUntilWhen) {
  RoundPlan plan = PlanOf({kA, kB, kC, kD}, 1);
  plan.accept_lease = minutes(2);
  RoundState round(std::move(plan));
  EXPECT_EQ(round.WaitingFor(kStart), "about to ask 4 sites");
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart);
  round.Apply(Accepted(kC), kStart);
  EXPECT_EQ(round.WaitingFor(kStart + seconds(48)),
            "waiting for 2 of 4 sites, at most 4m12s: b (asked 48.0s ago), d (asked 48.0s ago)");
  round.Apply(Accepted(kB), kStart);
  round.Apply(Accepted(kD), kStart);
  EXPECT_EQ(round.WaitingFor(kStart), "committing 4 updates");
  round.Apply(Committed{}, kStart);
  EXPECT_EQ(round.WaitingFor(kStart), "");
}

TEST(RoundState, WaitingForNamesAtMostEightSites) {
  std::vector<SiteId> many;
  for (int i = 10; i < 30; ++i) many.emplace_back("s" + std::to_string(i));
  RoundState round(PlanOf(many, 1));
  round.Apply(Start{}, kStart);
  EXPECT_THAT(round.WaitingFor(kStart), HasSubstr("s17 (asked 0ms ago) and 12 more"));
}

TEST(RoundState, SlowIsNotDead) {
  RoundState round(PlanOf({kA, kB}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Accepted(kA), kStart);
  // 512 KiB every 26 s: 20 KB/s, for as long as the deadline allows.
  Instant now = kStart;
  round.Apply(Progress{kB, "submit", 1 << 19, 20 << 19}, now);
  for (uint64_t piece = 2; piece < 10; ++piece) {
    now += seconds(26);
    ASSERT_TRUE(round.Apply(Progress{kB, "submit", piece << 19, 20 << 19}, now).empty());
  }
  EXPECT_EQ(round.phase(), Phase::kTraining);
  const SiteWait wait = round.WaitOf(kB, now + seconds(5)).value();
  EXPECT_EQ(wait.quiet, seconds(5));
  EXPECT_EQ(wait.left, seconds(55));
  EXPECT_EQ(wait.per_second, (uint64_t{1} << 19) / 26);
  EXPECT_EQ(round.WaitingFor(now),
            "waiting for 1 of 2 sites, at most 1m32s: b (submit 45% at 20.2 KB/s)");
  EXPECT_THAT(SitesOf(round.WaitedFor()), ElementsAre("b"));
  for (uint64_t piece = 10; piece < 13; ++piece) {
    now += seconds(26);
    ASSERT_TRUE(round.Apply(Progress{kB, "submit", piece << 19, 20 << 19}, now).empty());
  }
  const auto close = round.Apply(Tick{}, kStart + minutes(5));
  EXPECT_EQ(Only<Commit>(close).size(), 1u);
  EXPECT_EQ(round.sites().at(kB).result, SiteResult::kLate) << "it was alive, and too slow";
}

TEST(RoundState, AResumedUploadIsTimedFromWhereItWentOn) {
  RoundState round(PlanOf({kA}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Progress{kA, "train", 100, 100}, kStart + seconds(1));
  round.Apply(Progress{kA, "submit", 9'000'000, 10'000'000}, kStart + seconds(2));
  round.Apply(Progress{kA, "submit", 9'100'000, 10'000'000}, kStart + seconds(12));
  EXPECT_EQ(round.WaitOf(kA, kStart + seconds(12))->per_second, 10'000u);
}

TEST(RoundState, ASiteThatIsAwayIsNamedWithTheTimeItHas) {
  RoundState round(PlanOf({kA, kB}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(OfferAccepted{kB}, kStart + seconds(1));
  EXPECT_TRUE(round.Apply(SiteLeft{kB}, kStart + seconds(2)).empty());
  EXPECT_EQ(round.WaitOf(kB, kStart + seconds(2))->left, seconds(59)) << "no lease is cut short";
  EXPECT_THAT(round.WaitingFor(kStart + seconds(2)), HasSubstr("b (away, given up in 59.0s)"));
  round.Apply(SiteAttended{kB}, kStart + seconds(3));
  EXPECT_THAT(round.WaitingFor(kStart + seconds(3)), HasSubstr("b (asked 0ms ago)"));
  round.Apply(Accepted(kB), kStart + seconds(4));
  EXPECT_EQ(round.WaitOf(kB, kStart + seconds(4)), std::nullopt);
}

TEST(RoundState, ALeaseNearItsEndIsSaid) {
  RoundState round(PlanOf({kA}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Progress{kA, "train", 1, 4}, kStart);
  EXPECT_THAT(round.WaitingFor(kStart + seconds(20)), HasSubstr("a (train 25%)"));
  EXPECT_THAT(round.WaitingFor(kStart + seconds(40)),
              HasSubstr("a (train 25%, given up in 20.0s)"));
}

// ---- seeded random events against the promises

class RandomRound {
 public:
  explicit RandomRound(uint64_t seed) : random_(seed), round_(MakePlan()) {}

  void Run() {
    const uint32_t length = 5 + random_.Below(60);
    for (uint32_t i = 0; i < length; ++i) {
      now_ += seconds(random_.Below(20));
      Feed(MakeEvent());
    }
    Feed(Start{});
    for (int i = 0; i < 50 && !Ended(); ++i) {
      if (round_.phase() == Phase::kCommitting) {
        Feed(random_.Below(4) == 0 ? Event(CommitFailed{"disk"}) : Event(Committed{DigestOf(7)}));
        continue;
      }
      ASSERT_TRUE(round_.NextDeadline().has_value()) << "waits for nothing";
      now_ = std::max(now_, *round_.NextDeadline());
      Feed(Tick{});
    }
    EXPECT_TRUE(Ended()) << "a hang";
    EXPECT_EQ(finished_, 1);
  }

 private:
  RoundPlan MakePlan() {
    std::vector<SiteId> sites;
    const uint32_t count = random_.Below(6);
    for (uint32_t i = 0; i < count; ++i) sites.emplace_back(std::string(1, char('a' + i)));
    RoundPlan plan = PlanOf(std::move(sites), random_.Below(5));
    plan.goal = random_.Below(5);
    if (random_.Below(3) == 0) plan.required.insert(RandomSite());
    plan.accept_lease = seconds(random_.Below(40));
    plan.progress_lease = seconds(random_.Below(90));
    return plan;
  }

  SiteId RandomSite() { return SiteId(std::string(1, char('a' + random_.Below(7)))); }
  bool Ended() const { return round_.phase() == Phase::kDone || round_.phase() == Phase::kFailed; }

  Event MakeEvent() {
    const SiteId site = RandomSite();
    switch (random_.Below(12)) {
      case 0:
        return Start{};
      case 1:
        return OfferAccepted{site};
      case 2:
        return OfferRefused{site, "min_rows", "too few"};
      case 3:
        return Progress{site, "train"};
      case 4:
        return SiteFailed{site, "CN0404"};
      case 5:
        return SiteAttended{site};
      case 6:
        return Tick{};
      case 7:
        return random_.Below(8) == 0 ? Event(Cancel{"stop"}) : Event(Tick{});
      case 8:
        return Committed{DigestOf(7)};
      case 9:
        return random_.Below(4) == 0 ? Event(CommitFailed{"disk"}) : Event(Start{});
      default:
        return Accepted(site, 1 + random_.Below(100));
    }
  }

  void Feed(const Event& event) {
    const Phase before = round_.phase();
    const bool ended_before = Ended();
    const auto actions = round_.Apply(event, now_);
    if (ended_before) {
      EXPECT_TRUE(actions.empty());
    }
    if (before == Phase::kSelecting && round_.phase() != Phase::kSelecting) started_ = now_;
    if (round_.phase() == Phase::kTraining) {
      EXPECT_LT(now_, started_ + round_.plan().deadline) << "open past its deadline";
    }
    for (const Action& action : actions) Check(action);
    CheckReport();
  }

  void Check(const Action& action) {
    if (const auto* commit = std::get_if<Commit>(&action)) {
      EXPECT_FALSE(committed_set_.has_value()) << "a second commit";
      committed_set_ = commit->counted;
      EXPECT_GE(commit->counted.size(), std::max<size_t>(round_.plan().min_sites, 1));
    } else if (const auto* finished = std::get_if<Finished>(&action)) {
      ++finished_;
      if (finished->committed) {
        EXPECT_TRUE(committed_set_.has_value());
      } else {
        EXPECT_FALSE(finished->reason.empty());
      }
    } else if (const auto* notify = std::get_if<Notify>(&action)) {
      EXPECT_EQ(finished_, 1) << "told before the report was final";
      EXPECT_TRUE(notified_.insert(notify->site).second) << "told twice";
    }
  }

  void CheckReport() {
    EXPECT_EQ(round_.sites().size(), round_.plan().selected.size());
    std::vector<SiteId> counted;
    for (const auto& [site, report] : round_.sites()) {
      if (report.result == SiteResult::kCounted) counted.push_back(site);
      const bool open = report.result == SiteResult::kWaiting ||
                        report.result == SiteResult::kOffered ||
                        report.result == SiteResult::kWorking;
      if (Ended()) {
        EXPECT_FALSE(open) << site.value() << " has no result";
      }
    }
    EXPECT_EQ(counted.size(), round_.counted());
    if (committed_set_.has_value()) {
      EXPECT_EQ(counted, *committed_set_) << "the counted set moved";
    }
    EXPECT_TRUE(std::includes(counted.begin(), counted.end(), counted_before_.begin(),
                              counted_before_.end()))
        << "a counted site was taken back";
    counted_before_ = std::move(counted);
  }

  Random random_;
  RoundState round_;
  Instant now_ = kStart;
  Instant started_{};
  std::optional<std::vector<SiteId>> committed_set_;
  std::vector<SiteId> counted_before_;
  std::set<SiteId> notified_;
  int finished_ = 0;
};

TEST(RoundState, TenThousandRandomSequencesKeepItsPromises) {
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    RandomRound(seed).Run();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace consilium::server::round
