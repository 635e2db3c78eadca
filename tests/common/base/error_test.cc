#include "common/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/status_matchers.h"

namespace consilium {
namespace {

using testing::HasCode;
using testing::StatusIs;

TEST(Error, CarriesCodePlaceAndHelp) {
  const absl::Status status =
      ErrorAt(ErrorCode::kJobUnknownKey, {"job.toml", 3, 1}, "unknown key `round`", "try `rounds`");
  EXPECT_THAT(status, HasCode(ErrorCode::kJobUnknownKey));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_TRUE(PlaceOf(status).has_value());
  EXPECT_EQ(PlaceOf(status)->ToString(), "job.toml:3:1");
  EXPECT_EQ(HelpOf(status), "try `rounds`");
  EXPECT_EQ(FormatError(status),
            "error[CN0203]: job.toml:3:1: unknown key `round`\n  help: try `rounds`\n");
}

TEST(Error, WithoutHelpTheTableHelps) {
  const absl::Status status = Error(ErrorCode::kStorageFull, "disk full");
  EXPECT_EQ(HelpOf(status), RowOf(ErrorCode::kStorageFull).next);
  EXPECT_EQ(PlaceOf(status), std::nullopt);
}

TEST(Error, StatusMadeElsewhereHasNoParts) {
  const absl::Status status = absl::InternalError("boom");
  EXPECT_EQ(CodeOf(status), std::nullopt);
  EXPECT_EQ(HelpOf(status), "");
  EXPECT_EQ(FormatError(status), "error: boom\n");
}

TEST(Error, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(FormatError(absl::InternalError("a\x1b[2Jb\rc\x7f")), "error: a?[2Jb?c?\n");
}

TEST(Error, PlaceShowsItsKnownParts) {
  EXPECT_EQ((Place{"a b.csv", 0, 0}.ToString()), "a b.csv");
  EXPECT_EQ((Place{"a.csv", 2, 0}.ToString()), "a.csv:2");
  EXPECT_EQ((Place{"", 2, 5}.ToString()), "line 2:5");
  const absl::Status status = ErrorAt(ErrorCode::kDataBadCell, {"my data 1.csv", 7, 2}, "bad");
  EXPECT_EQ(PlaceOf(status)->ToString(), "my data 1.csv:7:2");
}

TEST(Error, AnnotateKeepsEveryPart) {
  const absl::Status inner =
      ErrorAt(ErrorCode::kDataBadCell, {"a.csv", 7, 2}, "bad cell", "fix it");
  const absl::Status status = Annotate(inner, "site heart-1");
  EXPECT_EQ(status.message(), "site heart-1: bad cell");
  EXPECT_THAT(status, HasCode(ErrorCode::kDataBadCell));
  EXPECT_EQ(PlaceOf(status)->line, 7);
  EXPECT_EQ(HelpOf(status), "fix it");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
}

TEST(Error, CodeNamesAreReadBack) {
  EXPECT_EQ(CodeName(ErrorCode::kUsage), "CN0101");
  EXPECT_EQ(ParseCodeName("CN0101"), ErrorCode::kUsage);
  for (const char* name : {"", "CN", "CN9999", "cn0101", "CN101", "CN01010"}) {
    EXPECT_EQ(ParseCodeName(name), std::nullopt) << name;
  }
}

TEST(ErrorTable, RowsAreWholeUniqueAndInOrder) {
  ErrorCode last{};
  for (const ErrorRow& row : AllErrorRows()) {
    const std::string name = CodeName(row.code);
    EXPECT_LT(last, row.code) << name;
    last = row.code;
    EXPECT_NE(row.status, absl::StatusCode::kOk) << name;
    EXPECT_NE(row.status, absl::StatusCode::kUnknown) << name;
    EXPECT_GE(row.exit_code, 1) << name;
    EXPECT_LE(row.exit_code, 5) << name;
    EXPECT_FALSE(row.title.empty() || row.title.ends_with('.')) << name;
    EXPECT_TRUE(row.meaning.ends_with('.')) << name;
    EXPECT_TRUE(row.next.ends_with('.')) << name;
  }
}

TEST(ExitCode, FollowsTheTableAndElseTheStatus) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(Error(ErrorCode::kJobFailed, "")), 1);
  EXPECT_EQ(ExitCodeOf(Error(ErrorCode::kCannotConnect, "")), 2);
  EXPECT_EQ(ExitCodeOf(Error(ErrorCode::kTimedOut, "")), 3);
  EXPECT_EQ(ExitCodeOf(Error(ErrorCode::kJobSyntax, "")), 4);
  EXPECT_EQ(ExitCodeOf(Error(ErrorCode::kNotAllowed, "")), 5);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 1);
}

}  // namespace
}  // namespace consilium
