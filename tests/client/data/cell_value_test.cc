#include "client/data/cell_value.h"

#include <gtest/gtest.h>

#include "client/data/utf8.h"

namespace consilium::client::data {
namespace {

TEST(NumberOf, ReadsDecimalNumbersWhateverTheLocale) {
  EXPECT_EQ(NumberOf("2.0"), 2.0);
  EXPECT_EQ(NumberOf(".7"), 0.7);
  EXPECT_EQ(NumberOf("-1e3"), -1000.0);
  EXPECT_EQ(NumberOf("007"), 7.0);
  EXPECT_EQ(NumberOf("0.1"), 0.1);
}

TEST(NumberOf, RefusesEverythingElse) {
  for (const char* text : {"", " 1", "1 ", "+1", "1,5", "0x10", "1e", "nan", "inf", "-inf", "1e400",
                           "1e30", "-2e29", "abc", "1.2.3", "--1", "?"}) {
    EXPECT_EQ(NumberOf(text), std::nullopt) << text;
  }
}

TEST(TextIndex, NumbersMatchByValueAndTextsByBytes) {
  const TextIndex index({"1", "M", "2.50", "-0"});
  EXPECT_EQ(index.Find("1.0"), 0u);
  EXPECT_EQ(index.Find("M"), 1u);
  EXPECT_EQ(index.Find("2.5"), 2u);
  EXPECT_EQ(index.Find("0"), 3u);
  EXPECT_EQ(index.Find("m"), std::nullopt);
  EXPECT_EQ(index.Find("3"), std::nullopt);
  EXPECT_EQ(index.Find(""), std::nullopt);
}

TEST(TrimCell, TakesSpacesAndTabsOffBothEnds) {
  EXPECT_EQ(TrimCell(" \t a b\t "), "a b");
  EXPECT_EQ(TrimCell("  "), "");
}

TEST(Utf8, FindsTheFirstByteThatIsNone) {
  constexpr size_t kNone = std::string_view::npos;
  EXPECT_EQ(FirstInvalidUtf8("plain"), kNone);
  EXPECT_EQ(FirstInvalidUtf8("Gr\xc3\xb6\xc3\x9f"
                             "e \xe2\x82\xac \xf0\x9f\x98\x80"),
            kNone);
  EXPECT_EQ(FirstInvalidUtf8("Gr\xf6\xdf"
                             "e"),
            2u);
  EXPECT_EQ(FirstInvalidUtf8("a\xc3"), 1u);             // cut short
  EXPECT_EQ(FirstInvalidUtf8("\xc0\xaf"), 0u);          // overlong
  EXPECT_EQ(FirstInvalidUtf8("\xe0\x80\x80"), 0u);      // overlong
  EXPECT_EQ(FirstInvalidUtf8("\xed\xa0\x80"), 0u);      // surrogate
  EXPECT_EQ(FirstInvalidUtf8("\xf4\x90\x80\x80"), 0u);  // beyond U+10FFFF
  EXPECT_EQ(FirstInvalidUtf8("\x80"), 0u);
  EXPECT_EQ(CharactersIn("Gr\xc3\xb6\xc3\x9f"
                         "e"),
            5u);
}

}  // namespace
}  // namespace consilium::client::data
