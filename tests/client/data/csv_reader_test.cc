#include "client/data/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::data {
namespace {

using consilium::testing::HasCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Rows = std::vector<std::vector<std::string>>;

// A file in memory.
class TextFile final : public FileReader {
 public:
  explicit TextFile(std::string text) : text_(std::move(text)) {}
  absl::Status ReadAt(uint64_t offset, std::span<std::byte> out) const override {
    CN_CHECK(offset + out.size() <= text_.size());
    std::memcpy(out.data(), text_.data() + offset, out.size());
    return absl::OkStatus();
  }
  uint64_t size() const override { return text_.size(); }

 private:
  std::string text_;
};

absl::StatusOr<Rows> ReadAll(const std::string& text, std::optional<char> separator = {}) {
  const TextFile file(text);
  CsvReader reader(file, "f.csv", separator);
  CsvRecord record;
  Rows rows;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(record);
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    std::vector<std::string> row;
    for (size_t i = 0; i < record.size(); ++i) row.emplace_back(record.cell(i));
    rows.push_back(std::move(row));
  }
}

void ExpectRows(const std::string& text, const Rows& want) {
  SCOPED_TRACE(text);
  ASSERT_OK_AND_ASSIGN(const Rows rows, ReadAll(text));
  EXPECT_EQ(rows, want);
}

void ExpectError(const std::string& text, const std::string& place, const std::string& message,
                 ErrorCode code = ErrorCode::kDataSyntax) {
  SCOPED_TRACE(text.substr(0, 100));
  const auto rows = ReadAll(text);
  ASSERT_FALSE(rows.ok());
  EXPECT_THAT(rows, HasCode(code));
  EXPECT_EQ(PlaceOf(rows.status())->ToString(), place);
  EXPECT_THAT(std::string(rows.status().message()), HasSubstr(message));
}

TEST(CsvReader, EveryLineEndIsOne) {
  const Rows want = {{"a", "b"}, {"1", "2"}};
  for (const char* text : {"a,b\n1,2\n", "a,b\r\n1,2\r\n", "a,b\r1,2\r", "a,b\n1,2", "a,b\r\n1,2",
                           "\n\na,b\n\n1,2\n\n", "\r\n\r\na,b\r\n\r\n1,2\r\n"}) {
    ExpectRows(text, want);
  }
}

TEST(CsvReader, AByteOrderMarkIsNoPartOfTheFirstCell) {
  ExpectRows(
      "\xef\xbb\xbf"
      "a,b\n1,2\n",
      {{"a", "b"}, {"1", "2"}});
}

TEST(CsvReader, QuotedCellsHoldSeparatorsQuotesAndLines) {
  ExpectRows("a,\"b,c\",\"d \"\"e\"\"\"\n\"1\n2\r\n3\",\"\",x\n",
             {{"a", "b,c", "d \"e\""}, {"1\n2\r\n3", "", "x"}});
}

TEST(CsvReader, EmptyCellsAreCells) {
  ExpectRows("a,b,c\n,,\n1,,3\n,2,",
             {{"a", "b", "c"}, {"", "", ""}, {"1", "", "3"}, {"", "2", ""}});
  ExpectRows("\"\"\n", {{""}});
}

TEST(CsvReader, AnEmptyFileHasNoRows) {
  ExpectRows("", {});
  ExpectRows("\n\r\n\n", {});
  ExpectRows("\xef\xbb\xbf", {});
}

TEST(CsvReader, TheSeparatorIsFoundInTheFirstLineOutsideQuotes) {
  ExpectRows("a;b\n1,5;2\n", {{"a", "b"}, {"1,5", "2"}});
  ExpectRows("a\tb\n1\t2\n", {{"a", "b"}, {"1", "2"}});
  ExpectRows("\"x,y,z\";b\n1;2\n", {{"x,y,z", "b"}, {"1", "2"}});
  ExpectRows("alone\n1\n", {{"alone"}, {"1"}});
}

TEST(CsvReader, AGivenSeparatorIsNotGuessed) {
  ASSERT_OK_AND_ASSIGN(const Rows rows, ReadAll("a,b,c;d\n", ';'));
  EXPECT_EQ(rows, (Rows{{"a,b,c", "d"}}));
}

TEST(CsvReader, PlacesCountLinesAndCharacters) {
  const TextFile file("a,b\n\"x\ny\",\xc3\xb6\xc3\xb6,z\r\n\r\n1,2\n");
  CsvReader reader(file, "f.csv", std::nullopt);
  CsvRecord record;
  ASSERT_TRUE(*reader.Next(record));
  EXPECT_EQ(record.line(1), 1);
  EXPECT_EQ(record.column(1), 3);
  ASSERT_TRUE(*reader.Next(record));
  EXPECT_EQ(record.line(0), 2);
  EXPECT_EQ(record.column(0), 1);
  EXPECT_EQ(record.line(1), 3);
  EXPECT_EQ(record.column(1), 4);
  EXPECT_EQ(record.column(2), 7);
  ASSERT_TRUE(*reader.Next(record));
  EXPECT_EQ(record.line(0), 5);
  EXPECT_FALSE(*reader.Next(record));
  EXPECT_EQ(record.size(), 0u);
  EXPECT_FALSE(*reader.Next(record));
}

TEST(CsvReader, RowsAcrossReadBoundariesAreWhole) {
  std::string text = "a,b\n";
  Rows want = {{"a", "b"}};
  for (int i = 0; text.size() < 3 * kReadBytes; ++i) {
    const std::string cell(static_cast<size_t>(i % 97), 'x');
    text += "\"q\"\"" + cell + "\"," + std::to_string(i) + "\r\n";
    want.push_back({"q\"" + cell, std::to_string(i)});
  }
  ASSERT_OK_AND_ASSIGN(const Rows rows, ReadAll(text));
  EXPECT_EQ(rows, want);
}

TEST(CsvReader, TheDigestIsThatOfTheBytes) {
  const std::string text = "a,b\n1,2\n" + std::string(2 * kReadBytes, '\n');
  const TextFile file(text);
  CsvReader reader(file, "f.csv", std::nullopt);
  CsvRecord record;
  while (*reader.Next(record)) {
  }
  EXPECT_EQ(reader.FileDigest(), crypto::Sha256Of(AsBytes(text)));
}

TEST(CsvReader, StrayQuotesAreRefusedWhereTheyAre) {
  ExpectError("a,b\n1,5'10\"\n", "f.csv:2:7", "a quote inside a cell");
  ExpectError("a,b\n\"x\"y,2\n", "f.csv:2:4", "text after a closing quote");
  ExpectError("a,b\n1,\"never\nclosed\n", "f.csv:2:3", "never closed");
}

TEST(CsvReader, WhatIsNotUtf8IsRefusedWhereItIs) {
  ExpectError(
      "a,b\nGr\xf6\xdf"
      "e,2\n",
      "f.csv:2:3", "not UTF-8");
  ExpectError(std::string("a,b\n1,\0\n", 8), "f.csv:2:3", "NUL");
  ExpectError(
      "\xff\xfe"
      "a",
      "f.csv:1:1", "UTF-16");
}

TEST(CsvReader, CellsRowsAndColumnsHaveBounds) {
  ASSERT_OK_AND_ASSIGN(const Rows rows, ReadAll("a\n" + std::string(kMaxCellBytes, 'x') + "\n"));
  EXPECT_EQ(rows[1][0].size(), kMaxCellBytes);
  ExpectError("a\n" + std::string(kMaxCellBytes + 1, 'x') + "\n", "f.csv:2:1",
              "a cell of more than", ErrorCode::kDataTooLarge);
  ExpectError("a\n\"" + std::string(kMaxCellBytes + 1, '\n'), "f.csv:2:1", "a cell of more than",
              ErrorCode::kDataTooLarge);
  ExpectError(std::string(kMaxCsvColumns, ','), "f.csv:1:16385", "a row of more than 16384 cells",
              ErrorCode::kDataTooLarge);
  std::string row;
  while (row.size() <= kMaxRecordBytes + kMaxCellBytes) row += std::string(60'000, 'x') + ",";
  EXPECT_THAT(ReadAll(row), HasCode(ErrorCode::kDataTooLarge));
}

TEST(CsvReader, ErrorsNeverShowACell) {
  for (const char* text : {"a,b\n1,secret\"x\n", "a,b\n\"secret\"secret,2\n", "a,b\n1,\"secret\n",
                           "a,b\nsecret\xff,2\n"}) {
    const auto rows = ReadAll(text);
    ASSERT_FALSE(rows.ok());
    EXPECT_THAT(FormatError(rows.status()), ::testing::Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace consilium::client::data
