#include "common/base/ids.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace consilium {
namespace {

TEST(Ids, NamesFollowTheRule) {
  for (const char* name : {"a", "0", "site-1", "st.mary_2", "x--"}) {
    EXPECT_TRUE(IsValidName(name)) << name;
  }
  EXPECT_TRUE(IsValidName(std::string(64, 'a')));
  for (const char* name : {"", "-a", ".a", "_a", "A", "a b", "a/b", "\xc3\xa9", "a\n"}) {
    EXPECT_FALSE(IsValidName(name)) << name;
  }
  EXPECT_FALSE(IsValidName(std::string(65, 'a')));
}

TEST(Ids, AreDistinctTypes) {
  EXPECT_FALSE((std::is_convertible_v<SiteId, JobId>));
  EXPECT_FALSE((std::is_convertible_v<StepNumber, RoundNumber>));
  EXPECT_FALSE((std::is_convertible_v<std::string, SiteId>));
}

TEST(Ids, NumbersCountUp) {
  EXPECT_EQ(StepNumber().Next(), StepNumber(1));
  EXPECT_LT(StepNumber(1), StepNumber(2));
}

}  // namespace
}  // namespace consilium
