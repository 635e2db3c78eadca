#include "client/data/row_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/support/status_matchers.h"

namespace consilium::client::data {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Row = std::map<std::string, std::string>;  // absent: missing

absl::StatusOr<bool> Keeps(const RowFilter& filter, const Row& row) {
  size_t bad_column = 0;
  return filter.Keeps(
      [&](size_t column) -> std::optional<std::string_view> {
        const auto cell = row.find(filter.columns()[column]);
        if (cell == row.end()) return std::nullopt;
        return cell->second;
      },
      &bad_column);
}

bool Keeps(std::string_view text, const Row& row) {
  SCOPED_TRACE(text);
  const auto filter = RowFilter::Parse(text);
  EXPECT_TRUE(filter.ok()) << filter.status();
  if (!filter.ok()) return false;
  const auto kept = Keeps(*filter, row);
  EXPECT_TRUE(kept.ok()) << kept.status();
  return kept.value_or(false);
}

void ExpectError(const std::string& text, int character, const std::string& message,
                 const std::string& help = "") {
  SCOPED_TRACE(text);
  const auto filter = RowFilter::Parse(text);
  ASSERT_FALSE(filter.ok());
  EXPECT_THAT(filter, HasCode(ErrorCode::kDataFilter));
  EXPECT_THAT(std::string(filter.status().message()), HasSubstr(message));
  EXPECT_THAT(std::string(filter.status().message()),
              HasSubstr("(character " + std::to_string(character) + ")"));
  EXPECT_THAT(HelpOf(filter.status()), HasSubstr(help));
}

TEST(RowFilter, NoneKeepsEveryRow) {
  EXPECT_THAT(Keeps(RowFilter(), {}), consilium::testing::IsOkAndHolds(true));
  EXPECT_TRUE(RowFilter().columns().empty());
}

TEST(RowFilter, EveryOperatorComparesNumbers) {
  const Row row = {{"x", "2.0"}};
  EXPECT_TRUE(Keeps("x == 2", row));
  EXPECT_FALSE(Keeps("x == 3", row));
  EXPECT_TRUE(Keeps("x != 3", row));
  EXPECT_TRUE(Keeps("x < 2.5", row));
  EXPECT_FALSE(Keeps("x < 2", row));
  EXPECT_TRUE(Keeps("x <= 2", row));
  EXPECT_TRUE(Keeps("x > -1e3", row));
  EXPECT_TRUE(Keeps("x>=2", row));
}

TEST(RowFilter, TextsCompareByteByByte) {
  const Row row = {{"name", "cleveland"}, {"day", "2024-05-01"}, {"n", "10"}};
  EXPECT_TRUE(Keeps("name == \"cleveland\"", row));
  EXPECT_TRUE(Keeps("name != 'va'", row));
  EXPECT_TRUE(Keeps("day >= '2024-01-01' and day < '2025-01-01'", row));
  EXPECT_TRUE(Keeps("n < '9'", row));
  EXPECT_FALSE(Keeps("n < 9", row));
}

TEST(RowFilter, AndBindsTighterThanOrAndNotTightest) {
  const Row row = {{"a", "1"}, {"b", "0"}, {"c", "0"}};
  EXPECT_TRUE(Keeps("a == 1 or b == 1 and c == 1", row));
  EXPECT_FALSE(Keeps("(a == 1 or b == 1) and c == 1", row));
  EXPECT_FALSE(Keeps("not a == 1 or c == 1", row));
  EXPECT_TRUE(Keeps("not (b == 1 or c == 1)", row));
  EXPECT_TRUE(Keeps("not not a == 1", row));
}

TEST(RowFilter, AMissingCellIsNeitherTrueNorFalse) {
  const Row row = {{"a", "1"}};
  EXPECT_FALSE(Keeps("gone == 1", row));
  EXPECT_FALSE(Keeps("gone != 1", row));
  EXPECT_FALSE(Keeps("not gone == 1", row));
  EXPECT_FALSE(Keeps("not (gone == 1 and a == 1)", row));
  EXPECT_TRUE(Keeps("gone == 1 or a == 1", row));
  EXPECT_TRUE(Keeps("not (gone == 1 and a == 2)", row));
}

TEST(RowFilter, ColumnsAreNamedOnceInOrder) {
  ASSERT_OK_AND_ASSIGN(const RowFilter filter,
                       RowFilter::Parse("b == 1 and `Age (years)` > 2 or b != 3 and android < 1"));
  EXPECT_THAT(filter.columns(), ElementsAre("b", "Age (years)", "android"));
}

TEST(RowFilter, NamesMayLookLikeWords) {
  EXPECT_TRUE(Keeps("order == 1 and notes == 2 or nothing == 3", {{"order", "1"}, {"notes", "2"}}));
  EXPECT_TRUE(
      Keeps("gr\xc3\xb6\xc3\x9f"
            "e > 1 and a.b == 2",
            {{"gr\xc3\xb6\xc3\x9f"
              "e",
              "2"},
             {"a.b", "2"}}));
}

TEST(RowFilter, ErrorsPointAtTheCharacter) {
  ExpectError("", 1, "wants a column's name");
  ExpectError("age", 4, "wants ==");
  ExpectError("age = 3", 5, "wants ==", "equality is written ==");
  ExpectError("age == ", 8, "wants a number or a text");
  ExpectError("age == M", 8, "wants a number or a text", "\"M\"");
  ExpectError("age == 1.2.3", 8, "wants a number");
  ExpectError("age == \"x", 8, "quote that is never closed");
  ExpectError("(age == 1", 10, "wants `)`");
  ExpectError("age == 1 && b == 2", 10, "wants `and`", "write `and`");
  ExpectError("age == 1 || b == 2", 10, "wants `and`", "write `or`");
  ExpectError("age == 1 AND b == 2", 10, "wants `and`", "small letters");
  ExpectError("age == 1 b", 10, "wants `and`");
  ExpectError("age == 1 and", 13, "wants a column's name");
  ExpectError("`age == 1", 2, "never closed");
  ExpectError("3 == age", 1, "wants a column's name");
}

TEST(RowFilter, DepthAndLengthHaveBounds) {
  const auto nested = [](int depth) {
    return std::string(static_cast<size_t>(depth), '(') + "a == 1" +
           std::string(static_cast<size_t>(depth), ')');
  };
  EXPECT_THAT(RowFilter::Parse(nested(kMaxFilterDepth)), IsOk());
  EXPECT_THAT(RowFilter::Parse(nested(kMaxFilterDepth + 1)), HasCode(ErrorCode::kDataFilter));
  EXPECT_THAT(RowFilter::Parse(std::string(kMaxFilterBytes + 1, ' ')),
              HasCode(ErrorCode::kDataFilter));
  std::string chain = "a == 1";
  while (chain.size() + 12 < kMaxFilterBytes) chain += " or a == 1";
  EXPECT_TRUE(Keeps(chain, {{"a", "1"}}));
}

TEST(RowFilter, ANumberIsWantedWhereOneIsCompared) {
  ASSERT_OK_AND_ASSIGN(const RowFilter filter, RowFilter::Parse("a == 'x' or age > 3"));
  const auto kept = Keeps(filter, {{"a", "y"}, {"age", "secret"}});
  EXPECT_THAT(kept, HasCode(ErrorCode::kDataBadCell));
  EXPECT_THAT(FormatError(kept.status()), HasSubstr("`age`"));
  EXPECT_THAT(FormatError(kept.status()), ::testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace consilium::client::data
