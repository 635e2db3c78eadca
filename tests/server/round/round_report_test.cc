// What a step says of itself to people.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/round/round_events.h"

namespace consilium::server::round {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RoundReport, EverySelectedSiteIsInTheReport) {
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

TEST(RoundReport, WaitingForSaysForWhomAndUntilWhen) {
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

TEST(RoundReport, WaitingForNamesAtMostEightSites) {
  std::vector<SiteId> many;
  for (int i = 10; i < 30; ++i) many.emplace_back("s" + std::to_string(i));
  RoundState round(PlanOf(many, 1));
  round.Apply(Start{}, kStart);
  EXPECT_THAT(round.WaitingFor(kStart), HasSubstr("s17 (asked 0ms ago) and 12 more"));
}

TEST(RoundReport, SlowIsNotDead) {
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

TEST(RoundReport, AResumedUploadIsTimedFromWhereItWentOn) {
  RoundState round(PlanOf({kA}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Progress{kA, "train", 100, 100}, kStart + seconds(1));
  round.Apply(Progress{kA, "submit", 9'000'000, 10'000'000}, kStart + seconds(2));
  round.Apply(Progress{kA, "submit", 9'100'000, 10'000'000}, kStart + seconds(12));
  EXPECT_EQ(round.WaitOf(kA, kStart + seconds(12))->per_second, 10'000u);
}

TEST(RoundReport, ASiteThatIsAwayIsNamedWithTheTimeItHas) {
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

TEST(RoundReport, ALeaseNearItsEndIsSaid) {
  RoundState round(PlanOf({kA}, 1));
  round.Apply(Start{}, kStart);
  round.Apply(Progress{kA, "train", 1, 4}, kStart);
  EXPECT_THAT(round.WaitingFor(kStart + seconds(20)), HasSubstr("a (train 25%)"));
  EXPECT_THAT(round.WaitingFor(kStart + seconds(40)),
              HasSubstr("a (train 25%, given up in 20.0s)"));
}

}  // namespace
}  // namespace consilium::server::round
