// Seeded random events against the promises of a step.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "common/base/random.h"
#include "tests/server/round/round_events.h"

namespace consilium::server::round {
namespace {

class RoundAtRandom {
 public:
  explicit RoundAtRandom(uint64_t seed) : random_(seed), round_(MakePlan()) {}

  void Run() {
    const uint32_t length = 5 + random_.Below(60);
    for (uint32_t i = 0; i < length; ++i) {
      now_ += std::chrono::seconds(random_.Below(20));
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
    plan.accept_lease = std::chrono::seconds(random_.Below(40));
    plan.progress_lease = std::chrono::seconds(random_.Below(90));
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

TEST(RandomRound, TenThousandRandomSequencesKeepItsPromises) {
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    RoundAtRandom(seed).Run();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace consilium::server::round
