// Small job files for the tests of what reads them, and the error that a bad one has to give.
#ifndef CONSILIUM_TESTS_COMMON_JOB_JOB_FILE_TEXT_H_
#define CONSILIUM_TESTS_COMMON_JOB_JOB_FILE_TEXT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/job/job_spec.h"
#include "tests/support/status_matchers.h"

namespace consilium::job {

inline absl::StatusOr<JobSpec> Parse(std::string_view text) {
  return ParseJob(AsBytes(text), "job.toml");
}

// A small job; `extra` comes at the end, the others in their tables.
struct Parts {
  std::string top = "";
  std::string label = "label = \"y\"";
  std::string features = "features = [\"a\", \"b\"]";
  std::string model = "kind = \"logistic\"";
  std::string extra = "";
};
inline std::string JobOf(const Parts& parts) {
  return "name = \"j\"\nrounds = 2\n" + parts.top + "\n[data]\ndataset = \"d\"\n" + parts.label +
         "\n" + parts.features + "\n[model]\n" + parts.model + "\n" + parts.extra + "\n";
}

// The error of a file: where column is 0 any will do; `message` and `help` are parts of the texts.
struct Expected {
  ErrorCode code;
  int line;
  int column;
  std::string message;
  std::string help;
};
inline void ExpectError(const std::string& text, const Expected& want) {
  SCOPED_TRACE(text);
  const auto spec = Parse(text);
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(spec, testing::HasCode(want.code));
  EXPECT_THAT(std::string(spec.status().message()), ::testing::HasSubstr(want.message));
  const auto place = PlaceOf(spec.status());
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->file, "job.toml");
  EXPECT_EQ(place->line, want.line);
  if (want.column != 0) {
    EXPECT_EQ(place->column, want.column);
  }
  EXPECT_THAT(HelpOf(spec.status()), ::testing::HasSubstr(want.help));
}

}  // namespace consilium::job

#endif  // CONSILIUM_TESTS_COMMON_JOB_JOB_FILE_TEXT_H_
