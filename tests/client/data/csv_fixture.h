// A CSV file of a test's own, and a job on it.
#ifndef CONSILIUM_TESTS_CLIENT_DATA_CSV_FIXTURE_H_
#define CONSILIUM_TESTS_CLIENT_DATA_CSV_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "client/data/csv_dataset.h"
#include "client/data/csv_reader.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::client::data {

// A dataset `d` in a file of its own, and a job on it: logistic, label y, features a and b.
class CsvDatasetTest : public ::testing::Test {
 protected:
  CsvDatasetTest() {
    config_.name = "d";
    job_.data.dataset = "d";
    job_.data.label = "y";
    job_.data.features = {{"a", job::ColumnType::kNumber, {}}, {"b", job::ColumnType::kNumber, {}}};
  }

  absl::StatusOr<Dataset> Load(std::string_view text, const char* site = "north") {
    config_.path = folder_.Write("d.csv", text);
    return LoadCsv(config_, job_, SiteId(site), storage_);
  }
  absl::StatusOr<Dataset> LoadUnlabelled(std::string_view text) {
    config_.path = folder_.Write("d.csv", text);
    return LoadCsv(config_, job_, SiteId("north"), storage_, {.labels = Labels::kOptional});
  }

  void ExpectError(std::string_view text, ErrorCode code, const std::string& place,
                   const std::string& message, const std::string& help = "") {
    SCOPED_TRACE(text);
    const auto dataset = Load(text);
    ASSERT_FALSE(dataset.ok());
    EXPECT_THAT(dataset, consilium::testing::HasCode(code));
    ASSERT_TRUE(PlaceOf(dataset.status()).has_value());
    EXPECT_EQ(PlaceOf(dataset.status())->ToString(), place);
    EXPECT_THAT(std::string(dataset.status().message()), ::testing::HasSubstr(message));
    EXPECT_THAT(HelpOf(dataset.status()), ::testing::HasSubstr(help));
    EXPECT_THAT(FormatError(dataset.status()), ::testing::Not(::testing::HasSubstr("secret")));
  }

  void SetFilter(std::string_view text) {
    auto filter = RowFilter::Parse(text);
    ASSERT_TRUE(filter.ok()) << filter.status();
    config_.filter = *std::move(filter);
  }

  consilium::testing::TempFolder folder_;
  PosixStorage storage_;
  DatasetConfig config_;
  job::JobSpec job_;
};

}  // namespace consilium::client::data

#endif  // CONSILIUM_TESTS_CLIENT_DATA_CSV_FIXTURE_H_
