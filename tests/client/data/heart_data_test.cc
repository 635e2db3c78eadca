// Real records: FLamby's four hospitals, and the raw files they were made from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "client/data/csv_dataset.h"
#include "tests/support/data_folder.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::data {
namespace {

using consilium::testing::DataFile;
using consilium::testing::NoDataMessage;
using job::ColumnType;

constexpr char kFlamby[] = "uci_heart/heart_flamby.csv";

job::JobSpec HeartJob(const std::vector<std::string>& features) {
  job::JobSpec job;
  job.data.dataset = "heart";
  job.data.label = "disease";
  for (const std::string& feature : features) {
    job.data.features.push_back({feature, ColumnType::kNumber, {}});
  }
  return job;
}

TEST(HeartData, FlambysFourHospitalsHaveTheirRows) {
  const auto file = DataFile(kFlamby);
  if (!file) GTEST_SKIP() << NoDataMessage(kFlamby);
  const job::JobSpec job = HeartJob({"age", "sex", "trestbps", "chol", "fbs", "thalach", "exang",
                                     "oldpeak", "cp_2", "cp_3", "cp_4", "restecg_1", "restecg_2"});
  const uint64_t rows[4][2] = {{199, 104}, {172, 89}, {30, 16}, {85, 45}};
  for (int site = 0; site < 4; ++site) {
    DatasetConfig config;
    config.name = "heart";
    config.path = *file;
    config.filter = *RowFilter::Parse("site == " + std::to_string(site));
    config.split = {"fold", {"train"}, {"test"}, 0};
    config.columns["disease"] = {"y", {"1"}, {}};
    ASSERT_OK_AND_ASSIGN(const Dataset dataset,
                         LoadCsv(config, job, SiteId("site"), PosixStorage()));
    EXPECT_EQ(dataset.train.rows(), rows[site][0]);
    EXPECT_EQ(dataset.test.rows(), rows[site][1]);
    EXPECT_EQ(dataset.rows_incomplete, 0u);
    EXPECT_EQ(dataset.rows_read + dataset.rows_filtered, 740u);
    EXPECT_EQ(dataset.train.x.size(), rows[site][0] * 13);
  }
}

// Switzerland: cholesterol is 0 for all, and the training rows have one class.
TEST(HeartData, AHospitalOfOneClassAndAConstantColumnReads) {
  const auto file = DataFile(kFlamby);
  if (!file) GTEST_SKIP() << NoDataMessage(kFlamby);
  DatasetConfig config;
  config.name = "heart";
  config.path = *file;
  config.filter = *RowFilter::Parse("site_name == 'switzerland'");
  config.split = {"fold", {"train"}, {"test"}, 0};
  config.columns["disease"] = {"y", {"1"}, {}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset,
                       LoadCsv(config, HeartJob({"chol"}), SiteId("site"), PosixStorage()));
  ASSERT_EQ(dataset.train.rows(), 30u);
  for (const double chol : dataset.train.x) EXPECT_EQ(chol, 0.0);
  for (const double label : dataset.train.y) EXPECT_EQ(label, 1.0);
}

// The raw files: no header, `?` for missing, labels 0 to 4. Dropping incomplete rows and turning cp
// and restecg into dummies gives FLamby's rows and numbers.
TEST(HeartData, TheRawFilesGiveFlambysRows) {
  const auto flamby = DataFile(kFlamby);
  const struct {
    const char* file;
    uint64_t lines;
    uint64_t complete;
  } hospitals[] = {
      {"cleveland", 303, 303}, {"hungarian", 294, 261}, {"switzerland", 123, 46}, {"va", 200, 130}};
  job::JobSpec job =
      HeartJob({"age", "sex", "trestbps", "chol", "fbs", "thalach", "exang", "oldpeak"});
  job.data.features.push_back({"cp", ColumnType::kCategory, {"1", "2", "3", "4"}});
  job.data.features.push_back({"restecg", ColumnType::kCategory, {"0", "1", "2"}});
  for (const auto& hospital : hospitals) {
    const std::string name = std::string("uci_heart/processed.") + hospital.file + ".data";
    const auto file = DataFile(name);
    if (!file || !flamby) GTEST_SKIP() << NoDataMessage(name);
    DatasetConfig config;
    config.name = "heart";
    config.path = *file;
    config.header = false;
    config.names = {"age",     "sex",   "cp",      "trestbps", "chol", "fbs",  "restecg",
                    "thalach", "exang", "oldpeak", "slope",    "ca",   "thal", "num"};
    config.columns["disease"] = {"num", {"1", "2", "3", "4"}, {}};
    ASSERT_OK_AND_ASSIGN(const Dataset raw, LoadCsv(config, job, SiteId("site"), PosixStorage()));
    EXPECT_EQ(raw.rows_read, hospital.lines) << hospital.file;
    EXPECT_EQ(raw.train.rows(), hospital.complete) << hospital.file;
    EXPECT_EQ(raw.rows_incomplete, hospital.lines - hospital.complete);

    DatasetConfig made;
    made.name = "heart";
    made.path = *flamby;
    made.filter = *RowFilter::Parse(std::string("site_name == '") + hospital.file + "'");
    made.columns["disease"] = {"y", {"1"}, {}};
    ASSERT_OK_AND_ASSIGN(
        const Dataset want,
        LoadCsv(made,
                HeartJob({"age", "sex", "trestbps", "chol", "fbs", "thalach", "exang", "oldpeak",
                          "cp_2", "cp_3", "cp_4", "restecg_1", "restecg_2"}),
                SiteId("site"), PosixStorage()));
    EXPECT_EQ(raw.train.x, want.train.x) << hospital.file;
    EXPECT_EQ(raw.train.y, want.train.y) << hospital.file;
  }
}

}  // namespace
}  // namespace consilium::client::data
