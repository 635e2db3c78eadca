#include "common/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace consilium {
namespace {

using Block = std::array<uint32_t, 4>;

// The known answers that accompany the paper's code (Random123, philox4x32-10).
TEST(Philox, KnownAnswersHold) {
  EXPECT_EQ(PhiloxBlock({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(PhiloxBlock({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(PhiloxBlock({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, SameKeySameNumbersOtherKeyOthers) {
  Digest key;
  key.bytes[20] = 1;  // outside the 16 bytes that are used
  Random a{Digest{}}, b{key}, c{uint64_t{1}};
  const uint64_t first = a.Next64();
  EXPECT_EQ(first, b.Next64());
  EXPECT_NE(first, c.Next64());
}

TEST(Random, BelowStaysBelowAndReachesEveryValue) {
  Random random(7);
  std::vector<int> hits(6);
  for (int i = 0; i < 6000; ++i) ++hits.at(random.Below(6));
  for (const int count : hits) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(random.Below(1), 0u);
  EXPECT_LT(random.Below(UINT32_MAX), UINT32_MAX);
}

TEST(Random, UniformAndNormalHaveTheirMoments) {
  Random random(3);
  double sum = 0, normal_sum = 0, normal_squares = 0;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const double uniform = random.Uniform();
    ASSERT_GE(uniform, 0.0);
    ASSERT_LT(uniform, 1.0);
    sum += uniform;
    const double normal = random.Normal();
    normal_sum += normal;
    normal_squares += normal * normal;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.02);
  EXPECT_NEAR(normal_sum / kDraws, 0.0, 0.05);
  EXPECT_NEAR(normal_squares / kDraws, 1.0, 0.05);
}

TEST(Random, ShuffleIsARepeatablePermutation) {
  std::vector<int> values(50);
  std::iota(values.begin(), values.end(), 0);
  std::vector<int> again = values, sorted = values;
  Random(9).Shuffle(std::span(values));
  Random(9).Shuffle(std::span(again));
  EXPECT_EQ(values, again);
  EXPECT_NE(values, sorted);
  std::ranges::sort(values);
  EXPECT_EQ(values, sorted);
}

}  // namespace
}  // namespace consilium
