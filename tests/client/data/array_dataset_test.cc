#include "client/data/array_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "client/data/csv_dataset.h"
#include "tests/client/data/array_fixture.h"
#include "tests/support/data_folder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::client::data {
namespace {

using consilium::testing::DataFile;
using consilium::testing::HasCode;
using consilium::testing::NoDataMessage;
using consilium::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

// Four images of 1 x 2 pixels with the digits 0, 1, 2, 1.
class ArrayDatasetTest : public ::testing::Test {
 protected:
  ArrayDatasetTest() {
    config_.name = "d";
    config_.format = Format::kArray;
    SetImages(std::string("\x00\xff\x33\x66\x01\x02\x0a\x14", 8));
    config_.array.labels.path =
        folder_.Write("y.idx", Idx(8, {4}, std::string("\x00\x01\x02\x01", 4)));
    job_.data.dataset = "d";
    job_.data.label = "digit";
    job_.data.label_levels = {"0", "1", "2"};
    job_.data.classes = 3;
    job_.data.features = {{"pixel0", job::ColumnType::kNumber, {}},
                          {"pixel1", job::ColumnType::kNumber, {}}};
  }

  void SetImages(std::string_view bytes) {
    config_.path = folder_.Write("x.idx", Idx(8, {4, 1, 2}, bytes));
  }
  void SetFilter(std::string_view text) { config_.filter = RowFilter::Parse(text).value(); }
  absl::StatusOr<Dataset> Load(const LoadOptions& options = {}) {
    return LoadDataset(config_, job_, SiteId("north"), storage_, options);
  }
  void ExpectError(ErrorCode code, const std::string& message, const std::string& place = "") {
    const auto dataset = Load();
    EXPECT_THAT(dataset, HasCode(code));
    EXPECT_THAT(std::string(dataset.status().message()), HasSubstr(message));
    if (!place.empty()) {
      ASSERT_TRUE(PlaceOf(dataset.status()).has_value());
      EXPECT_EQ(PlaceOf(dataset.status())->ToString(), place);
    }
  }

  TempFolder folder_;
  PosixStorage storage_;
  DatasetConfig config_;
  job::JobSpec job_;
};

TEST_F(ArrayDatasetTest, PixelsAreDividedBy255AndRoundedToFloat32) {
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load());
  EXPECT_EQ(dataset.rows_read, 4u);
  EXPECT_THAT(dataset.train.x,
              ElementsAre(0, 1, 0.2F, 0.4F, 1 / 255.0F, 2 / 255.0F, 10 / 255.0F, 20 / 255.0F));
  EXPECT_THAT(dataset.train.y, ElementsAre(0, 1, 2, 1));
  EXPECT_THAT(dataset.train.places, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(dataset.test.rows(), 0u);
}

TEST_F(ArrayDatasetTest, TheDivisorAndTheNamesCanBeSaid) {
  config_.array.divide_by = 2;
  config_.array.prefix = "p";
  job_.data.features = {{"right", job::ColumnType::kNumber, {}}};
  config_.columns["right"].column = "p1";
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load());
  EXPECT_THAT(dataset.train.x, ElementsAre(127.5, 51, 1, 10));
}

TEST_F(ArrayDatasetTest, AFilterChoosesByRowLabelPixelAndPart) {
  SetFilter("row >= 1 and row < 3");
  ASSERT_OK_AND_ASSIGN(const Dataset rows, Load());
  EXPECT_THAT(rows.train.y, ElementsAre(1, 2));
  EXPECT_EQ(rows.rows_filtered, 2u);
  SetFilter("label == 1 and pixel0 > 20");
  ASSERT_OK_AND_ASSIGN(const Dataset labels, Load());
  EXPECT_THAT(labels.train.places, ElementsAre(2));
  SetFilter("part == 'test'");
  ASSERT_OK_AND_ASSIGN(const Dataset none, Load());
  EXPECT_EQ(none.rows_read, 0u);
}

TEST_F(ArrayDatasetTest, ASecondPairOfFilesTests) {
  config_.array.test.path = folder_.Write("tx.idx", Idx(8, {2, 1, 2}, "\xff\xff\x33\x33"));
  config_.array.test_labels.path = folder_.Write("ty.idx", Idx(8, {2}, std::string("\x02\x00", 2)));
  SetFilter("(part == 'train' and row < 3) or (part == 'test' and row == 1)");
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load());
  EXPECT_EQ(dataset.train.rows(), 3u);
  EXPECT_THAT(dataset.test.y, ElementsAre(0));
  EXPECT_THAT(dataset.test.x, ElementsAre(0.2F, 0.2F));
  EXPECT_EQ(dataset.rows_filtered, 2u);
}

TEST_F(ArrayDatasetTest, AnNpzIsOneFileForBoth) {
  config_.path = folder_.Write("d.npz", SmallNpz());
  config_.array.member = "x";
  config_.array.labels = {config_.path, "y"};
  job_.data.features = {{"x0", job::ColumnType::kNumber, {}}, {"x1", job::ColumnType::kNumber, {}}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load());
  EXPECT_THAT(dataset.train.x, ElementsAre(1, 2, 3, 4.5));
  EXPECT_THAT(dataset.train.y, ElementsAre(0, 1));
}

TEST_F(ArrayDatasetTest, ATableHasItsLabelInAColumn) {
  config_.path =
      folder_.Write("t.npy", Npy("<f8", false, "(2, 3)", Raw<double>({5, 1, 7, 6, 0, 8})));
  config_.array = {};
  config_.names = {"age", "ill", "bp"};
  job_.data.features = {{"age", job::ColumnType::kNumber, {}},
                        {"bp", job::ColumnType::kNumber, {}}};
  job_.data.label = "ill";
  job_.data.label_levels = {};
  job_.data.classes = 2;
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load());
  EXPECT_THAT(dataset.train.x, ElementsAre(5, 7, 6, 8));
  EXPECT_THAT(dataset.train.y, ElementsAre(1, 0));
}

TEST_F(ArrayDatasetTest, NanAndMarkedNumbersAreMissingAndInfinityIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  config_.path =
      folder_.Write("t.npy", Npy("<f8", false, "(4, 2)", Raw<double>({1, 2, nan, 4, 5, -9, 7, 8})));
  config_.missing = {"-9"};
  job_.data.features = {{"x0", job::ColumnType::kNumber, {}}, {"x1", job::ColumnType::kNumber, {}}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load());
  EXPECT_THAT(dataset.train.x, ElementsAre(1, 2, 7, 8));
  EXPECT_EQ(dataset.rows_incomplete, 2u);
  EXPECT_EQ(dataset.incomplete[1].place, 3u);
  EXPECT_EQ(dataset.incomplete[1].column, 1u);
  config_.path = folder_.Write(
      "t.npy", Npy("<f8", false, "(4, 2)", Raw<double>({1, 2, 3, 4, 5, HUGE_VAL, 7, 8})));
  ExpectError(ErrorCode::kDataBadCell, "`x1`", "t.npy:3:2");
}

// Between rows that want nothing decided; divided only where it is a number.
TEST_F(ArrayDatasetTest, AMissingNumberIsFilledAndTheRowsAroundItAreAsBefore) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  config_.path =
      folder_.Write("t.npy", Npy("<f8", false, "(4, 2)", Raw<double>({1, 2, nan, 4, 5, -9, 7, 8})));
  config_.missing = {"-9"};
  config_.array.divide_by = 10;
  job_.data.features = {{"x1", job::ColumnType::kNumber, {}}, {"x0", job::ColumnType::kNumber, {}}};
  for (job::FeatureSpec& feature : job_.data.features) feature.missing = job::Missing::kMean;
  ASSERT_OK_AND_ASSIGN(const Dataset filled, Load());
  EXPECT_THAT(filled.train.x, ElementsAre(0.2F, 0.1F, 0.4F, IsNan(), IsNan(), 0.5F, 0.8F, 0.7F));
  EXPECT_EQ(filled.rows_incomplete, 0u);
  job_.data.features[1].missing = job::Missing::kIndicator;
  ASSERT_OK_AND_ASSIGN(const Dataset marked, Load());
  EXPECT_THAT(marked.train.x,
              ElementsAre(0.2F, 0.1F, 0, 0.4F, IsNan(), 1, IsNan(), 0.5F, 0, 0.8F, 0.7F, 0));
}

// A row of no plain features is read cell by cell; one of plain ones in one pass.
TEST_F(ArrayDatasetTest, BothWaysToReadARowGiveTheSameBits) {
  std::vector<float> values;
  for (int i = 0; i < 200; ++i) values.push_back(0.37F * static_cast<float>(i * i) - 1000.0F);
  config_.path = folder_.Write("t.npy", Npy("<f4", true, "(20, 5, 2)", Raw(values)));
  config_.array.labels.path = folder_.Write("y.idx", Idx(8, {20}, std::string(20, '\1')));
  config_.array.divide_by = 3;
  config_.split.holdout = 0.25;
  job_.data.features.clear();
  for (int i = 9; i >= 0; --i) {
    job_.data.features.push_back({"pixel" + std::to_string(i), job::ColumnType::kNumber, {}});
  }
  ASSERT_OK_AND_ASSIGN(const Dataset at_once, Load());
  EXPECT_EQ(at_once.test.rows(), 5u);
  job_.data.features.push_back({"pixel0", job::ColumnType::kNumber, {}});
  job_.data.features.back().missing = job::Missing::kIndicator;
  ASSERT_OK_AND_ASSIGN(const Dataset by_cell, Load());
  for (const auto& [once, cell] :
       {std::pair(&at_once.train, &by_cell.train), std::pair(&at_once.test, &by_cell.test)}) {
    ASSERT_EQ(once->places, cell->places);
    for (uint64_t row = 0; row < once->rows(); ++row) {
      for (uint64_t c = 0; c < 10; ++c) {
        ASSERT_EQ(once->x[row * 10 + c], cell->x[row * 12 + c]) << row << ", " << c;
      }
    }
  }
}

TEST_F(ArrayDatasetTest, ALabelOutsideTheLevelsHasItsPlaceAndIsNotShown) {
  config_.array.labels.path =
      folder_.Write("y.idx", Idx(8, {4}, std::string("\x00\x01\x02\x07", 4)));
  ExpectError(ErrorCode::kDataUnknownLevel, "none of the job's levels", "y.idx:4:1");
  EXPECT_THAT(FormatError(Load().status()), ::testing::Not(HasSubstr("7")));
}

TEST_F(ArrayDatasetTest, WhatDoesNotGoTogetherIsRefused) {
  config_.array.labels.path = folder_.Write("y.idx", Idx(8, {3}, "abc"));
  ExpectError(ErrorCode::kDataSyntax, "`x.idx` has 4 rows, `y.idx` 3 labels");
  config_.array.labels.path = folder_.Write("y.idx", Idx(8, {4, 2}, "abcdefgh"));
  ExpectError(ErrorCode::kDataSyntax, "2 labels for each row");
  config_.array.labels = {};
  ExpectError(ErrorCode::kDataMissingColumn, "has no labels");
  ASSERT_OK_AND_ASSIGN(const Dataset rows, Load({.labels = Labels::kOptional}));
  EXPECT_FALSE(rows.has_label_column);
  EXPECT_EQ(rows.test.rows(), 4u);
  config_.names = {"a"};
  ExpectError(ErrorCode::kDataSyntax, "has 2 columns");
}

// What the label is, a job cannot learn from by another name.
TEST_F(ArrayDatasetTest, LabelRowAndPartAreNoFeatures) {
  for (const char* name : {"label", "row", "part", "pixel2"}) {
    job_.data.features = {{name, job::ColumnType::kNumber, {}}};
    ExpectError(ErrorCode::kDataMissingColumn, "which the job names");
  }
}

TEST_F(ArrayDatasetTest, TheDigestIsOfTheFilesAndTheirMeaning) {
  ASSERT_OK_AND_ASSIGN(const Dataset first, Load());
  ASSERT_OK_AND_ASSIGN(const Dataset again, Load());
  EXPECT_EQ(first.digest, again.digest);
  config_.array.divide_by = 256;
  ASSERT_OK_AND_ASSIGN(const Dataset divided, Load());
  EXPECT_NE(first.digest, divided.digest);
  config_.array.divide_by = std::nullopt;
  SetImages("abcdefgh");
  ASSERT_OK_AND_ASSIGN(const Dataset changed, Load());
  EXPECT_NE(first.digest, changed.digest);
}

TEST_F(ArrayDatasetTest, ReadingCanBeStopped) {
  EXPECT_EQ(Load({.progress = [](uint64_t, uint64_t) { return false; }}).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(CsvGzip, ATextIsReadFromItsGzippedFile) {
  const TempFolder folder;
  DatasetConfig config;
  config.name = "d";
  // "a,y\n1,0\n2,1\n"
  config.path = folder.Write(
      "d.csv.gz", FromHex("1f8b08000000000002034bd4a9e432d431e032d231e40200d1a19b990c000000"));
  job::JobSpec job;
  job.data.dataset = "d";
  job.data.label = "y";
  job.data.features = {{"a", job::ColumnType::kNumber, {}}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset,
                       LoadDataset(config, job, SiteId("n"), PosixStorage()));
  EXPECT_THAT(dataset.train.x, ElementsAre(1, 2));
  EXPECT_THAT(dataset.train.y, ElementsAre(0, 1));
}

TEST(Mnist, TheFilesComeAsTheyAre) {
  const auto images = DataFile("mnist/t10k-images-idx3-ubyte.gz");
  const auto labels = DataFile("mnist/t10k-labels-idx1-ubyte.gz");
  if (!images || !labels) GTEST_SKIP() << NoDataMessage("mnist");
  DatasetConfig config;
  config.name = "mnist";
  config.path = *images;
  config.format = FormatOf(*images);
  config.array.labels.path = *labels;
  config.filter = RowFilter::Parse("row < 1000").value();
  job::JobSpec job;
  job.data.dataset = "mnist";
  job.data.label = "digit";
  job.data.classes = 10;
  for (int i = 0; i < 10; ++i) job.data.label_levels.push_back(std::to_string(i));
  for (int i = 0; i < 784; ++i) {
    job.data.features.push_back({"pixel" + std::to_string(i), job::ColumnType::kNumber, {}});
  }
  ASSERT_OK_AND_ASSIGN(const Dataset dataset,
                       LoadDataset(config, job, SiteId("north"), PosixStorage()));
  EXPECT_EQ(dataset.train.rows(), 1000u);
  EXPECT_EQ(dataset.rows_filtered, 9000u);
  EXPECT_EQ(dataset.train.y[0], 7);  // the first digit of the test set is a seven
  EXPECT_THAT(*std::ranges::max_element(dataset.train.x), 1.0);
}

}  // namespace
}  // namespace consilium::client::data
