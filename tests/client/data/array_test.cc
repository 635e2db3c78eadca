#include "client/data/array.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/client/data/array_fixture.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::data {
namespace {

using consilium::testing::HasCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Array> ParseArray(std::string_view file, const std::string& member = "") {
  return Array::Parse(BytesOfText(file), member, "f");
}

std::vector<double> RowOf(const Array& array, uint64_t row) {
  std::vector<double> values;
  for (uint64_t c = 0; c < array.columns(); ++c) values.push_back(array.At(row, c));
  return values;
}

void ExpectRefused(std::string_view file, ErrorCode code, const std::string& message) {
  const auto array = ParseArray(file);
  EXPECT_THAT(array, HasCode(code)) << message;
  EXPECT_THAT(std::string(array.status().message()), HasSubstr(message));
}

TEST(Array, AnIdxOfImagesIsRowsOfPixels) {
  ASSERT_OK_AND_ASSIGN(
      const Array array,
      ParseArray(Idx(8, {2, 2, 3}, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\xff")));
  EXPECT_THAT(array.shape(), ElementsAre(2, 2, 3));
  EXPECT_THAT(RowOf(array, 0), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(RowOf(array, 1), ElementsAre(7, 8, 9, 10, 11, 255));
}

TEST(Array, AnIdxIsBigEndian) {
  ASSERT_OK_AND_ASSIGN(const Array shorts,
                       ParseArray(Idx(0x0b, {2}, std::string("\x01\x02\xff\xfe", 4))));
  EXPECT_EQ(shorts.At(0, 0), 258);
  EXPECT_EQ(shorts.At(1, 0), -2);
  ASSERT_OK_AND_ASSIGN(const Array floats,
                       ParseArray(Idx(0x0d, {1}, std::string("\x3f\xc0\x00\x00", 4))));
  EXPECT_EQ(floats.At(0, 0), 1.5);
}

TEST(Array, AnNpyIsReadInBothOrders) {
  ASSERT_OK_AND_ASSIGN(const Array rows,
                       ParseArray(Npy("<f8", false, "(2, 3)", Raw<double>({1, 2, 3, 4, 5, 6}))));
  EXPECT_THAT(RowOf(rows, 1), ElementsAre(4, 5, 6));
  ASSERT_OK_AND_ASSIGN(const Array columns,
                       ParseArray(Npy("<f8", true, "(2, 3)", Raw<double>({1, 4, 2, 5, 3, 6}))));
  EXPECT_THAT(RowOf(columns, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(RowOf(columns, 1), ElementsAre(4, 5, 6));
}

// a[i, j, k] = 100 i + 10 j + k of shape (2, 2, 3): a row is flattened with k fastest.
TEST(Array, MoreDimensionsAreFlattenedWithTheLastOneFastest) {
  std::vector<int32_t> in_c, in_fortran;
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      for (int k = 0; k < 3; ++k) in_c.push_back(100 * i + 10 * j + k);
    }
  }
  for (int k = 0; k < 3; ++k) {
    for (int j = 0; j < 2; ++j) {
      for (int i = 0; i < 2; ++i) in_fortran.push_back(100 * i + 10 * j + k);
    }
  }
  ASSERT_OK_AND_ASSIGN(const Array c, ParseArray(Npy("<i4", false, "(2, 2, 3)", Raw(in_c))));
  ASSERT_OK_AND_ASSIGN(const Array f, ParseArray(Npy("<i4", true, "(2, 2, 3)", Raw(in_fortran))));
  for (const Array* array : {&c, &f}) {
    EXPECT_THAT(RowOf(*array, 0), ElementsAre(0, 1, 2, 10, 11, 12));
    EXPECT_THAT(RowOf(*array, 1), ElementsAre(100, 101, 102, 110, 111, 112));
  }
}

TEST(Array, EveryTypeOfNumberIsRead) {
  const std::pair<const char*, std::string> files[] = {{"|u1", Raw<uint8_t>({200})},
                                                       {"|b1", Raw<uint8_t>({1})},
                                                       {"|i1", Raw<int8_t>({-3})},
                                                       {"<u2", Raw<uint16_t>({50000})},
                                                       {"<i2", Raw<int16_t>({-300})},
                                                       {"<u4", Raw<uint32_t>({4000000000U})},
                                                       {"<i4", Raw<int32_t>({-70000})},
                                                       {"<u8", Raw<uint64_t>({1ULL << 40})},
                                                       {"<i8", Raw<int64_t>({-(1LL << 40)})},
                                                       {"<f4", Raw<float>({0.25F})},
                                                       {">i2", "\x01\x02"}};
  const double wanted[] = {
      200, 1, -3, 50000, -300, 4e9, -70000, 1099511627776.0, -1099511627776.0, 0.25, 258};
  for (size_t i = 0; i < std::size(files); ++i) {
    ASSERT_OK_AND_ASSIGN(const Array array,
                         ParseArray(Npy(files[i].first, false, "(1,)", files[i].second)));
    EXPECT_EQ(array.At(0, 0), wanted[i]) << files[i].first;
  }
}

TEST(Array, SomeColumnsOfARowAreReadInOnePass) {
  const std::vector<uint64_t> columns = {2, 0, 2};
  ASSERT_OK_AND_ASSIGN(const Array c,
                       ParseArray(Npy("<i2", false, "(2, 3)", Raw<int16_t>({1, 2, 3, 4, 5, -6}))));
  ASSERT_OK_AND_ASSIGN(
      const Array f,
      ParseArray(Npy(">i2", true, "(2, 3)",
                     std::string("\x00\x01\x00\x04\x00\x02\x00\x05\x00\x03\xff\xfa", 12))));
  for (const Array* array : {&c, &f}) {
    std::vector<double> values(3);
    array->ReadRow(1, columns, values);
    EXPECT_THAT(values, ElementsAre(-6, 4, -6));
  }
}

TEST(Array, AnNpzHoldsArraysByName) {
  ASSERT_OK_AND_ASSIGN(const Array x, ParseArray(SmallNpz(), "x"));
  EXPECT_THAT(RowOf(x, 1), ElementsAre(3, 4.5));
  ASSERT_OK_AND_ASSIGN(const Array y, ParseArray(SmallNpz(), "y.npy"));
  EXPECT_EQ(y.At(1, 0), 1);
  const auto none = ParseArray(SmallNpz(), "z");
  EXPECT_THAT(none, HasCode(ErrorCode::kDataMissingColumn));
  EXPECT_THAT(HelpOf(none.status()), HasSubstr("x, y"));
  EXPECT_THAT(ParseArray(SmallNpz()), HasCode(ErrorCode::kDataMissingColumn));
}

TEST(Array, AChangedBitOfAnNpzIsFound) {
  for (const size_t at : {60u, 100u, 170u, 220u}) {
    std::string file = SmallNpz();
    file[at] = static_cast<char>(file[at] ^ 0x10);
    const auto x = ParseArray(file, "x");
    const auto y = ParseArray(file, "y");
    EXPECT_FALSE(x.ok() && y.ok()) << at;
  }
}

// Not one of the cut-off files may be read, nor crash.
TEST(Array, WhatIsCutOffIsRefused) {
  const std::string files[] = {Idx(8, {2, 3}, "abcdef"),
                               Npy("<f4", false, "(2, 1)", Raw<float>({1, 2})), SmallNpz()};
  for (const std::string& file : files) {
    for (size_t length = 0; length < file.size(); ++length) {
      EXPECT_FALSE(ParseArray(file.substr(0, length), file[0] == 'P' ? "x" : "").ok()) << length;
    }
  }
}

TEST(Array, WhatIsNoArrayIsRefusedByName) {
  ExpectRefused("a,b\n1,2\n", ErrorCode::kDataSyntax, "is no array");
  ExpectRefused("PK\5\6cut", ErrorCode::kDataSyntax, "damaged NPZ");
  ExpectRefused(Idx(7, {1}, "a"), ErrorCode::kDataSyntax, "unknown type");
  ExpectRefused(Idx(8, {2, 2}, "abcde"), ErrorCode::kDataSyntax, "want 2 for each of its 2 rows");
  ExpectRefused(Idx(8, {1, 0}, ""), ErrorCode::kDataTooLarge, "no numbers in a row");
  ExpectRefused(Idx(8, {1, 0xffffffff, 0xffffffff}, "a"), ErrorCode::kDataTooLarge, "or more than");
  ExpectRefused(Npy("|O", false, "(1,)", "a"), ErrorCode::kDataSyntax, "holds no numbers");
  ExpectRefused(Npy("<c16", false, "(1,)", "a"), ErrorCode::kDataSyntax, "holds no numbers");
  ExpectRefused(Npy("<f4", false, "()", Raw<float>({1})), ErrorCode::kDataSyntax, "0 dimensions");
  ExpectRefused(Npy("<f4", false, "(x,)", Raw<float>({1})), ErrorCode::kDataSyntax, "a shape");
  EXPECT_THAT(ParseArray(Idx(8, {1}, "a"), "x"), HasCode(ErrorCode::kDataSyntax));
}

}  // namespace
}  // namespace consilium::client::data
