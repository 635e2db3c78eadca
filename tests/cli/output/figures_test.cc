#include "cli/output/figures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace consilium::cli {
namespace {

TEST(Sparkline, RunsFromLowestToHighestAndKeepsTheNewest) {
  EXPECT_EQ(Sparkline(std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7}, 8), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(Sparkline(std::vector<double>{9, 9, 1, 2}, 2), "▁█");
}

TEST(Sparkline, ConstantsAndGapsDraw) {
  EXPECT_EQ(Sparkline(std::vector<double>{3, 3}, 5), "▁▁");
  EXPECT_EQ(Sparkline(std::vector<double>{1, NAN, 2}, 5), "▁ █");
  EXPECT_EQ(Sparkline({}, 5), "");
}

TEST(FormatBytes, UsesPowersOfAThousand) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(4096), "4.1 KB");
  EXPECT_EQ(FormatBytes(98'000'000), "98 MB");
}

TEST(FormatMetric, AbsentAndInfiniteAreDashes) {
  EXPECT_EQ(FormatMetric(std::nullopt), "-");
  EXPECT_EQ(FormatMetric(INFINITY), "-");
  EXPECT_EQ(FormatMetric(0.81234), "0.8123");
}

TEST(FormatSeconds, ReadsAsPeopleSayIt) {
  EXPECT_EQ(FormatSeconds(50), "0.05 s");
  EXPECT_EQ(FormatSeconds(12'300), "12.3 s");
  EXPECT_EQ(FormatSeconds(245'000), "4m05s");
  EXPECT_EQ(FormatSeconds(7'380'000), "2h03m");
}

}  // namespace
}  // namespace consilium::cli
