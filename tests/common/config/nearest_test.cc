#include "common/config/nearest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace consilium::config {
namespace {

TEST(EditDistance, CountsTheFourMistakesOfTyping) {
  EXPECT_EQ(EditDistance("rounds", "rounds"), 0u);
  EXPECT_EQ(EditDistance("round", "rounds"), 1u);
  EXPECT_EQ(EditDistance("roundss", "rounds"), 1u);
  EXPECT_EQ(EditDistance("roumds", "rounds"), 1u);
  EXPECT_EQ(EditDistance("ruonds", "rounds"), 1u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(EditDistance, IgnoresCase) { EXPECT_EQ(EditDistance("Rounds", "rOUNDS"), 0u); }

TEST(Nearest, NamesTheClosestAndNothingFarOff) {
  const std::vector<std::string> names = {"rounds", "seed", "name"};
  EXPECT_EQ(NearestOf("round", names), "rounds");
  EXPECT_EQ(NearestOf("sead", names), "seed");
  EXPECT_EQ(NearestOf("nam", names), "name");
  EXPECT_EQ(NearestOf("temperature", names), "");
  EXPECT_EQ(NearestOf("x", std::vector<std::string>{"a", "xy"}), "xy");
  EXPECT_EQ(NearestOf("x", std::vector<std::string>{"a"}), "");
  EXPECT_EQ(NearestOf("round", {}), "");
}

TEST(Nearest, OfAWordWithoutEndTakesItsHead) {
  const std::vector<std::string> names = {"rounds", std::string(100'000, 'x')};
  EXPECT_EQ(NearestOf(std::string(1'000'000, 'x'), names), names[1]);
}

TEST(Suggest, ListsWhatIsValidWhenNothingIsNear) {
  const std::vector<std::string> names = {"rounds", "seed"};
  EXPECT_EQ(SuggestFrom("round", names), "did you mean `rounds`?");
  EXPECT_EQ(SuggestFrom("temperature", names), "valid: `rounds`, `seed`");
  EXPECT_EQ(SuggestFrom("x", {}), "");
  const std::vector<std::string> many(100, "zzzzzz");
  EXPECT_TRUE(SuggestFrom("temperature", many).ends_with(", ..."));
}

}  // namespace
}  // namespace consilium::config
