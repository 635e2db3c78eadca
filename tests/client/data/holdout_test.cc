#include "client/data/holdout.h"

#include <gtest/gtest.h>

#include <vector>

namespace consilium::client::data {
namespace {

std::vector<bool> Draw(double share, const char* site, const char* dataset, size_t rows) {
  Holdout holdout(share, SiteId(site), dataset);
  std::vector<bool> test;
  for (size_t i = 0; i < rows; ++i) test.push_back(holdout.NextIsTest());
  return test;
}

size_t Count(const std::vector<bool>& test) {
  size_t count = 0;
  for (const bool one : test) count += one ? 1 : 0;
  return count;
}

TEST(Holdout, EveryBlockHasItsShare) {
  const std::vector<bool> test = Draw(0.2, "north", "heart", 200);
  for (size_t block = 0; block < 10; ++block) {
    const auto begin = test.begin() + static_cast<long>(block * Holdout::kBlockRows);
    EXPECT_EQ(Count({begin, begin + Holdout::kBlockRows}), 4u) << block;
  }
}

TEST(Holdout, SmallSharesAddUpOverBlocks) {
  EXPECT_EQ(Count(Draw(0.03, "north", "heart", 1000)), 30u);
  EXPECT_EQ(Count(Draw(0.5, "north", "heart", 1000)), 500u);
  EXPECT_EQ(Count(Draw(0, "north", "heart", 1000)), 0u);
}

TEST(Holdout, TheSameRowsAgainAndOthersAtAnotherSiteOrDataset) {
  const std::vector<bool> test = Draw(0.2, "north", "heart", 200);
  EXPECT_EQ(Draw(0.2, "north", "heart", 200), test);
  EXPECT_NE(Draw(0.2, "south", "heart", 200), test);
  EXPECT_NE(Draw(0.2, "north", "lung", 200), test);
}

TEST(Holdout, MoreRowsAtTheEndMoveNone) {
  const std::vector<bool> few = Draw(0.2, "north", "heart", 55);
  const std::vector<bool> many = Draw(0.2, "north", "heart", 500);
  EXPECT_EQ(std::vector<bool>(many.begin(), many.begin() + 55), few);
}

TEST(Holdout, TheChoiceIsFixedForEver) {
  std::vector<size_t> rows;
  const std::vector<bool> test = Draw(0.2, "north", "heart", 40);
  for (size_t i = 0; i < test.size(); ++i) {
    if (test[i]) rows.push_back(i);
  }
  EXPECT_EQ(rows, (std::vector<size_t>{0, 7, 12, 13, 20, 22, 33, 37}));
}

}  // namespace
}  // namespace consilium::client::data
