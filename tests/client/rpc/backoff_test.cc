#include "client/rpc/backoff.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace consilium::client::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, DoublesUpToTheCapAndStaysThere) {
  Backoff backoff({.base = milliseconds(500), .cap = seconds(30)}, Random(uint64_t{1}));
  Duration whole = milliseconds(500);
  for (int i = 0; i < 40; ++i) {
    const Duration delay = backoff.Next();
    EXPECT_GE(delay, whole / 2) << i;
    EXPECT_LE(delay, whole) << i;
    whole = std::min<Duration>(whole * 2, seconds(30));
  }
}

TEST(Backoff, ResetBeginsAgain) {
  Backoff backoff({}, Random(uint64_t{2}));
  for (int i = 0; i < 20; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), milliseconds(500));
}

TEST(Backoff, TwoSitesDoNotWaitInStep) {
  std::set<Duration> delays;
  for (uint64_t site = 0; site < 100; ++site) delays.insert(Backoff({}, Random(site)).Next());
  EXPECT_GT(delays.size(), 95u);
}

TEST(Backoff, WaitsAsLongAsTheServerSaysAndUpToTwice) {
  Backoff backoff({}, Random(uint64_t{3}));
  std::set<Duration> delays;
  for (int i = 0; i < 100; ++i) {
    const Duration delay = backoff.Next(seconds(60));
    EXPECT_GE(delay, seconds(60));
    EXPECT_LE(delay, seconds(120));
    delays.insert(delay);
  }
  EXPECT_GT(delays.size(), 95u);
  EXPECT_GE(backoff.Next(Duration(0)), seconds(15));  // its own is longer by now
}

// Sites that lost a server at 0, which is there again after `down` and shakes 100 hands a second (a
// quarter of what one core does). Who waits for more than 10 s gives up and tries later.
class Storm {
 public:
  struct Came {
    Duration last{0};                 // after the server's start
    uint64_t most_in_one_second = 0;  // dials
  };
  Came Run(size_t sites, Duration down, std::optional<Duration> told) {
    std::vector<Backoff> backoffs;
    std::set<std::pair<Duration, size_t>> dials;
    for (size_t site = 0; site < sites; ++site) {
      backoffs.emplace_back(Backoff::Options{}, Random(uint64_t{1000 + site}));
      dials.insert({backoffs[site].Next(told), site});
    }
    Came came;
    std::map<int64_t, uint64_t> per_second;
    Duration free = down;
    while (!dials.empty()) {
      const auto [at, site] = *dials.begin();
      dials.erase(dials.begin());
      if (at >= down) ++per_second[std::chrono::duration_cast<seconds>(at).count()];
      const Duration begin = std::max(at, free);
      if (at < down) {
        dials.insert({at + backoffs[site].Next(), site});
      } else if (begin - at > kGivesUp) {
        dials.insert({at + kGivesUp + backoffs[site].Next(), site});
      } else {
        free = begin + kHandshake;
        came.last = free - down;
      }
    }
    for (const auto& [second, count] : per_second) {
      came.most_in_one_second = std::max(came.most_in_one_second, count);
    }
    return came;
  }

 private:
  static constexpr Duration kHandshake = milliseconds(10);
  static constexpr Duration kGivesUp = seconds(10);
};

TEST(Backoff, TwoThousandSitesAreBackWithinAMinuteOfARestart) {
  constexpr Duration kOutages[] = {milliseconds(100),    milliseconds(500), seconds(1),
                                   seconds(3),           seconds(10),       seconds(60),
                                   std::chrono::hours(2)};
  for (const Duration down : kOutages) {
    EXPECT_LT(Storm().Run(2000, down, std::nullopt).last, seconds(60)) << down.count();
  }
}

TEST(Backoff, AServerThatSaysWhenItStopsIsNotStormed) {
  const Duration told = milliseconds(10) * 2000;
  for (const Duration down : {seconds(1), seconds(5), seconds(15)}) {
    const auto came = Storm().Run(2000, down, told);
    EXPECT_LT(came.last, seconds(60));
    EXPECT_LT(came.most_in_one_second, 150u);
  }
}

}  // namespace
}  // namespace consilium::client::rpc
