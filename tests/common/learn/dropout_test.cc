#include "common/learn/dropout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace consilium::learn {
namespace {

std::vector<double> Drawn(Dropout& dropout, uint64_t step, std::vector<size_t> sizes) {
  dropout.BeginStep(step);
  std::vector<double> all;
  for (const size_t size : sizes) {
    std::vector<double> units(size);
    dropout.Draw(std::span(units));
    all.insert(all.end(), units.begin(), units.end());
  }
  return all;
}

TEST(Dropout, AUnitIsLeftOutOrCountsMoreAndTheMeanIsOne) {
  for (const double rate : {0.0, 0.25, 0.9}) {
    Dropout dropout(Digest{}, rate);
    const std::vector<double> units = Drawn(dropout, 3, {100'000});
    for (const double unit : units) EXPECT_TRUE(unit == 0 || unit == 1 / (1 - rate)) << unit;
    const auto left_out = static_cast<double>(std::ranges::count(units, 0.0));
    EXPECT_NEAR(left_out / 1e5, rate, 0.01);
    EXPECT_NEAR(std::accumulate(units.begin(), units.end(), 0.0) / 1e5, 1, 0.05);
  }
}

TEST(Dropout, TheSameStepLeavesTheSameUnitsOut) {
  Dropout dropout(Digest{}, 0.5), again(Digest{}, 0.5);
  const std::vector<double> fifth = Drawn(dropout, 5, {40, 7, 30});
  const std::vector<double> sixth = Drawn(dropout, 6, {40, 7, 30});
  EXPECT_NE(fifth, sixth);
  EXPECT_EQ(Drawn(again, 6, {40, 7, 30}), sixth) << "whatever was drawn before";
  EXPECT_EQ(Drawn(dropout, 5, {40, 7, 30}), fifth);
  Digest key;
  key.bytes[0] = 1;
  Dropout other(key, 0.5);
  EXPECT_NE(Drawn(other, 5, {40, 7, 30}), fifth);
}

TEST(Dropout, LayersDoNotShareTheirDraws) {
  Dropout dropout(Digest{}, 0.5);
  const std::vector<double> both = Drawn(dropout, 1, {64, 64});
  EXPECT_FALSE(std::equal(both.begin(), both.begin() + 64, both.begin() + 64));
}

TEST(Dropout, FloatAndDoubleLeaveTheSameOut) {
  Dropout dropout(Digest{}, 0.5);
  const std::vector<double> wanted = Drawn(dropout, 1, {50});
  std::vector<float> units(50);
  dropout.BeginStep(1);
  dropout.Draw(std::span(units));
  EXPECT_TRUE(std::ranges::equal(units, wanted));
}

TEST(Dropout, KeyFollowsSeedRoundAndSite) {
  job::JobSpec spec;
  const Digest key = DropoutKey(spec, RoundNumber(1), SiteId("a"));
  EXPECT_EQ(key, DropoutKey(spec, RoundNumber(1), SiteId("a")));
  EXPECT_NE(key, DropoutKey(spec, RoundNumber(2), SiteId("a")));
  EXPECT_NE(key, DropoutKey(spec, RoundNumber(1), SiteId("b")));
  spec.seed_given = true;
  EXPECT_NE(key, DropoutKey(spec, RoundNumber(1), SiteId("a")));
}

}  // namespace
}  // namespace consilium::learn
