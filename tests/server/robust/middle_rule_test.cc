// Median and trimmed mean: by hand, and what wild updates cannot do.
#include "server/robust/middle_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "common/base/random.h"

namespace consilium::server::robust {
namespace {

using ::testing::ElementsAre;

std::vector<double> Take(MiddleRule rule, const std::vector<std::vector<float>>& rows) {
  std::vector<sum::WeightedRun> runs;
  for (const std::vector<float>& row : rows) {
    runs.push_back({1, reinterpret_cast<const std::byte*>(row.data())});
  }
  std::vector<double> out(rows.front().size());
  rule.Take(runs, out);
  return out;
}

TEST(MiddleRule, MedianOfAnOddNumberIsTheMiddle) {
  EXPECT_THAT(Take(MiddleRule::Median(5), {{3, 1}, {-1, 1}, {7, 2}, {2, -9}, {100, 0}}),
              ElementsAre(3, 1));
}

TEST(MiddleRule, MedianOfAnEvenNumberIsTheMeanOfTwo) {
  EXPECT_THAT(Take(MiddleRule::Median(4), {{1}, {8}, {2}, {4}}), ElementsAre(3));
  EXPECT_THAT(Take(MiddleRule::Median(2), {{1}, {2}}), ElementsAre(1.5));
  EXPECT_THAT(Take(MiddleRule::Median(1), {{-4}}), ElementsAre(-4));
}

TEST(MiddleRule, TrimmedMeanCutsAtEachEnd) {
  EXPECT_THAT(Take(MiddleRule(5, 1), {{3}, {-1}, {7}, {2}, {100}}), ElementsAre(4));
  EXPECT_THAT(Take(MiddleRule(5, 2), {{3}, {-1}, {7}, {2}, {100}}), ElementsAre(3));
}

// Breakdown: f wild updates of n > 2f leave every element within the honest range, and the order of
// the updates changes no bit.
TEST(MiddleRule, WildUpdatesDoNotLeaveTheHonestRange) {
  Random random(17);
  for (const size_t n : {3, 4, 9, 40}) {
    const size_t f = (n - 1) / 2;
    const size_t elements = 50;
    std::vector<std::vector<float>> rows(n, std::vector<float>(elements));
    for (std::vector<float>& row : rows) {
      for (float& x : row) x = static_cast<float>(random.Normal());
    }
    for (size_t i = 0; i < f; ++i) {
      for (float& x : rows[i]) x = random.Below(2) == 0 ? 3e38f : -3e38f;
    }
    std::vector<std::vector<double>> results;
    for (int shuffle = 0; shuffle < 3; ++shuffle) {
      for (MiddleRule rule : {MiddleRule::Median(n), MiddleRule(n, f)}) {
        const std::vector<double> out = Take(rule, rows);
        for (size_t e = 0; e < elements; ++e) {
          float least = 3e38f, most = -3e38f;
          for (const std::vector<float>& row : rows) {
            if (std::abs(row[e]) > 1e30f) continue;
            least = std::min(least, row[e]);
            most = std::max(most, row[e]);
          }
          EXPECT_GE(out[e], least);
          EXPECT_LE(out[e], most);
        }
        results.push_back(out);
      }
      random.Shuffle(std::span(rows));
    }
    EXPECT_EQ(results[0], results[2]);
    EXPECT_EQ(results[1], results[5]);
  }
}

TEST(MiddleRule, CutsAtAnyPlaceAndAlignment) {
  std::vector<float> a(77), b(77), c(77);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(i);
    b[i] = static_cast<float>(2 * i);
    c[i] = -1;
  }
  std::vector<std::vector<std::byte>> odd(3);
  std::vector<sum::WeightedRun> runs;
  for (size_t r = 0; r < 3; ++r) {
    odd[r].resize(77 * sizeof(float) + 3);
    std::memcpy(odd[r].data() + 3, (r == 0 ? a : r == 1 ? b : c).data(), 77 * sizeof(float));
    runs.push_back({1, odd[r].data() + 3});
  }
  std::vector<double> out(77);
  MiddleRule::Median(3).Take(runs, out);
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], static_cast<double>(i));
}

}  // namespace
}  // namespace consilium::server::robust
