#include "client/data/csv_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/client/data/csv_fixture.h"

namespace consilium::client::data {
namespace {

using consilium::testing::HasCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using job::ColumnType;
using job::FeatureSpec;

TEST_F(CsvDatasetTest, FeaturesComeInTheOrderOfTheJob) {
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("y,b,unused,a\n1,2.0,x,.5\n0,-4,,1e2\n"));
  EXPECT_EQ(dataset.train.columns, 2u);
  EXPECT_THAT(dataset.train.x, ElementsAre(0.5, 2.0, 100.0, -4.0));
  EXPECT_THAT(dataset.train.y, ElementsAre(1.0, 0.0));
  EXPECT_EQ(dataset.test.rows(), 0u);
  EXPECT_EQ(dataset.test.columns, 2u);
  EXPECT_EQ(dataset.rows_read, 2u);
}

TEST_F(CsvDatasetTest, WhatHospitalsExportReadsTheSame) {
  ASSERT_OK_AND_ASSIGN(const Dataset plain, Load("a,b,y\n1,2,0\n3,4,1\n"));
  for (const char* text :
       {"\xef\xbb\xbf"
        "a,b,y\r\n1,2,0\r\n3,4,1\r\n",
        "a;b;y\n1;2;0\n3;4;1", "a\tb\ty\r1\t2\t0\r3\t4\t1",
        "\"a\",\"b\",\"y\"\n\" 1 \",\"2\",0\n3,4,\"1.0\"\n", " a , b ,y\n 1 ,2 , 0\n3,4,1\n"}) {
    SCOPED_TRACE(text);
    ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load(text));
    EXPECT_EQ(dataset.train.x, plain.train.x);
    EXPECT_EQ(dataset.train.y, plain.train.y);
  }
}

TEST_F(CsvDatasetTest, RowsWithAMissingUsedValueAreDroppedAndCounted) {
  ASSERT_OK_AND_ASSIGN(const Dataset dataset,
                       Load("a,b,y,other\n1,2,0,x\n?,2,0,x\n1,,0,x\n1,2,NA,x\n3,4,1,?\n"));
  EXPECT_EQ(dataset.train.rows(), 2u);
  EXPECT_EQ(dataset.rows_incomplete, 3u);
  EXPECT_EQ(dataset.rows_read, 5u);
}

TEST_F(CsvDatasetTest, MissingMarkersAreTheSites) {
  config_.missing = {"-9", "n/a"};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("a,b,y\n-9,2,0\n-9.0,2,0\n1,n/a,0\n1,2,1\n"));
  EXPECT_EQ(dataset.rows_incomplete, 3u);
  ExpectError("a,b,y\n?,2,0\n", ErrorCode::kDataBadCell, "d.csv:2:1", "`a`");
}

TEST_F(CsvDatasetTest, AMissingCellBesideABadOneOnlyDropsTheRow) {
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("a,b,y\nsecret,?,0\n1,2,1\n"));
  EXPECT_EQ(dataset.rows_incomplete, 1u);
}

TEST_F(CsvDatasetTest, AMissingColumnNamesTheNearest) {
  ExpectError("aa,b,y\n1,2,0\n", ErrorCode::kDataMissingColumn, "d.csv:1", "has no column `a`",
              "did you mean `aa`?");
  ExpectError("a,b,outcome\n1,2,0\n", ErrorCode::kDataMissingColumn, "d.csv:1",
              "has no column `y`, which the job names", "[datasets.d.columns]");
  config_.columns["y"] = {"num", {}, {}};
  ExpectError("a,b,y\n1,2,0\n", ErrorCode::kDataMissingColumn, "d.csv:1",
              "has no column `num` (for `y`)");
  config_.columns.clear();
  SetFilter("stie == 0");
  ExpectError("a,b,y,site\n1,2,0,0\n", ErrorCode::kDataMissingColumn, "d.csv:1",
              "`stie`, which the filter reads", "`site`");
  SetFilter("site == 0");
  config_.split.fold_column = "fold";
  ExpectError("a,b,y,site\n1,2,0,0\n", ErrorCode::kDataMissingColumn, "d.csv:1", "the split reads");
}

TEST_F(CsvDatasetTest, RowsGoByTheirPlaceAmongAllOfTheFile) {
  SetFilter("keep == 1");
  config_.split = {.fold_column = "fold", .train = {"train"}, .test = {"test"}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("a,b,y,keep,fold\n"
                                                   "1,2,0,1,train\n"
                                                   "3,4,1,0,train\n"
                                                   "5,?,1,1,test\n"
                                                   "\n"
                                                   "7,8,1,1,test\n"
                                                   "9,8,,1,train\n"
                                                   "9,8,0,1,train\n"));
  EXPECT_THAT(dataset.train.places, ElementsAre(1u, 6u));
  EXPECT_THAT(dataset.test.places, ElementsAre(4u));
  ASSERT_EQ(dataset.incomplete.size(), 2u);
  EXPECT_EQ(dataset.incomplete[0].place, 3u);
  EXPECT_EQ(dataset.incomplete[0].column, 1u);  // b
  EXPECT_EQ(dataset.incomplete[1].place, 5u);
  EXPECT_EQ(dataset.incomplete[1].column, 2u);  // the label
  EXPECT_EQ(dataset.rows_incomplete, 2u);
}

TEST_F(CsvDatasetTest, WithoutTheLabelsColumnEveryRowIsATestRow) {
  config_.split.holdout = 0.5;
  std::string text = "a,b\n";
  for (int i = 1; i <= 40; ++i) text += "1,2\n";
  EXPECT_THAT(Load(text), HasCode(ErrorCode::kDataMissingColumn));
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, LoadUnlabelled(text));
  EXPECT_FALSE(dataset.has_label_column);
  EXPECT_EQ(dataset.train.rows(), 0u);
  ASSERT_EQ(dataset.test.rows(), 40u);
  EXPECT_TRUE(std::isnan(dataset.test.y[0]));
  EXPECT_EQ(dataset.test.places.back(), 40u);
  config_.split = {.fold_column = "fold", .train = {"a"}, .test = {"b"}};
  ASSERT_OK_AND_ASSIGN(const Dataset unsplit, LoadUnlabelled(text));
  EXPECT_EQ(unsplit.test.rows(), 40u);
}

TEST_F(CsvDatasetTest, AnOptionalLabelMayBeMissingButNotWrong) {
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, LoadUnlabelled("a,b,y\n1,2,0\n3,4,?\n5,,1\n7,8,1\n"));
  EXPECT_TRUE(dataset.has_label_column);
  ASSERT_EQ(dataset.train.rows(), 3u);
  EXPECT_THAT(dataset.train.places, ElementsAre(1u, 2u, 4u));
  EXPECT_EQ(dataset.train.y[0], 0);
  EXPECT_TRUE(std::isnan(dataset.train.y[1]));
  ASSERT_EQ(dataset.incomplete.size(), 1u);
  EXPECT_EQ(dataset.incomplete[0].place, 3u);
  EXPECT_THAT(LoadUnlabelled("a,b,y\n1,2,7\n"), HasCode(ErrorCode::kDataBadCell));
}

TEST_F(CsvDatasetTest, ALabelMayBeOptionalButTheFeaturesAreNot) {
  const auto dataset = LoadUnlabelled("a,c\n1,2\n");
  EXPECT_THAT(dataset, HasCode(ErrorCode::kDataMissingColumn));
  EXPECT_EQ(PlaceOf(dataset.status())->ToString(), "d.csv:1");
}

TEST_F(CsvDatasetTest, AUsedColumnThatIsThereTwiceIsRefused) {
  ExpectError("a,b,y,a\n1,2,0,1\n", ErrorCode::kDataSyntax, "d.csv:1", "the column `a` twice");
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("a,b,y,z,z\n1,2,0,1,1\n"));
  EXPECT_EQ(dataset.train.rows(), 1u);
}

TEST_F(CsvDatasetTest, AFirstLineOfDataIsNoHeader) {
  ExpectError("63,1,0\n67,1,1\n", ErrorCode::kDataSyntax, "d.csv:1:1", "the first line holds data",
              "names = [");
  config_.header_sure = true;
  job_.data.features = {{"1", ColumnType::kNumber, {}}};
  job_.data.label = "2";
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("1,2\n5,0\n"));
  EXPECT_THAT(dataset.train.x, ElementsAre(5));
}

TEST_F(CsvDatasetTest, NamesStandForAHeaderOrReplaceIt) {
  config_.names = {"a", "b", "y"};
  config_.header = false;
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("1,2,0\n3,4,1\n"));
  EXPECT_THAT(dataset.train.x, ElementsAre(1, 2, 3, 4));
  config_.header = true;
  ASSERT_OK_AND_ASSIGN(const Dataset replaced, Load("x1,x2,x3\n1,2,0\n3,4,1\n"));
  EXPECT_EQ(replaced.train.x, dataset.train.x);
  config_.names = {"a", "b"};
  ExpectError("x1,x2,x3\n1,2,0\n", ErrorCode::kDataMissingColumn, "d.csv", "`y`");
  config_.names = {"a", "b", "c", "y"};
  ExpectError("x1,x2,x3\n1,2,0\n", ErrorCode::kDataSyntax, "d.csv:2:1", "3 cells, want 4");
}

TEST_F(CsvDatasetTest, RowsOfAnotherWidthAreRefused) {
  ExpectError("a,b,y\n1,2\n", ErrorCode::kDataSyntax, "d.csv:2:1", "the row has 2 cells, want 3");
  ExpectError("a,b,y\n1,2,0,4\n", ErrorCode::kDataSyntax, "d.csv:2:1", "4 cells, want 3",
              "separator");
}

TEST_F(CsvDatasetTest, EmptyFilesAndFilesWithoutRows) {
  ExpectError("", ErrorCode::kDataSyntax, "d.csv", "is empty");
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("a,b,y\n"));
  EXPECT_EQ(dataset.train.rows(), 0u);
  EXPECT_EQ(dataset.rows_read, 0u);
}

TEST_F(CsvDatasetTest, AFileThatIsNotThereIsNamed) {
  config_.path = folder_.PathOf("gone.csv");
  const auto dataset = LoadCsv(config_, job_, SiteId("north"), storage_);
  EXPECT_THAT(dataset, HasCode(ErrorCode::kFileNotFound));
  EXPECT_THAT(std::string(dataset.status().message()), HasSubstr("dataset `d`"));
}

TEST_F(CsvDatasetTest, ConstantColumnsAndASingleClassAreFine) {
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("a,b,y\n0,2,1\n0,3,1\n"));
  EXPECT_THAT(dataset.train.x, ElementsAre(0, 2, 0, 3));
  EXPECT_THAT(dataset.train.y, ElementsAre(1, 1));
}

TEST_F(CsvDatasetTest, TheFoldColumnSplitsAndOtherFoldsAreLeftOut) {
  config_.split.fold_column = "fold";
  config_.split.train = {"train", "1"};
  config_.split.test = {"test"};
  ASSERT_OK_AND_ASSIGN(
      const Dataset dataset,
      Load("a,b,y,fold\n1,0,0,train\n2,0,1,test\n3,0,0,1.0\n4,0,0,spare\n5,0,0,\n"));
  EXPECT_THAT(dataset.train.x, ElementsAre(1, 0, 3, 0));
  EXPECT_THAT(dataset.test.x, ElementsAre(2, 0));
  EXPECT_EQ(dataset.rows_in_no_split, 2u);
  EXPECT_EQ(dataset.rows_read, 5u);
}

std::string CsvRows(int count) {
  std::string text = "a,b,y,site\n";
  for (int i = 0; i < count; ++i) {
    text += std::to_string(i) + (i % 7 == 0 ? ",?," : ",1,") + std::to_string(i % 2) + "," +
            std::to_string(i % 3) + "\n";
  }
  return text;
}

TEST_F(CsvDatasetTest, AHoldOutTakesItsShareAndTheSameRowsForEveryJob) {
  config_.split.holdout = 0.2;
  job_.data.features = {{"a", ColumnType::kNumber, {}}};
  ASSERT_OK_AND_ASSIGN(const Dataset one, Load(CsvRows(200)));
  EXPECT_EQ(one.test.rows(), 40u);
  EXPECT_EQ(one.train.rows(), 160u);
  ASSERT_OK_AND_ASSIGN(const Dataset other_site, Load(CsvRows(200), "south"));
  EXPECT_NE(other_site.test.x, one.test.x);
  // A job with another feature drops rows, a filter leaves rows out: what is left stays where it
  // was.
  job_.data.features = {{"a", ColumnType::kNumber, {}}, {"b", ColumnType::kNumber, {}}};
  SetFilter("site != 1");
  ASSERT_OK_AND_ASSIGN(const Dataset two, Load(CsvRows(200)));
  for (size_t row = 0; row < two.test.rows(); ++row) {
    EXPECT_THAT(one.test.x, ::testing::Contains(two.test.x[row * 2]));
  }
  EXPECT_GT(two.test.rows(), 0u);
  EXPECT_LT(two.test.rows(), 40u);
}

TEST_F(CsvDatasetTest, EveryRowIsAccountedFor) {
  SetFilter("site != 1");
  config_.split.holdout = 0.3;
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load(CsvRows(200)));
  EXPECT_EQ(dataset.rows_read + dataset.rows_filtered, 200u);
  EXPECT_EQ(dataset.train.rows() + dataset.test.rows() + dataset.rows_incomplete +
                dataset.rows_in_no_split,
            dataset.rows_read);
  EXPECT_GT(dataset.rows_incomplete, 0u);
}

TEST_F(CsvDatasetTest, TheFilterWantsNumbersWhereItCompares) {
  SetFilter("site == 0");
  ExpectError("a,b,y,site\n1,2,0,0\n1,2,0,secret\n", ErrorCode::kDataBadCell, "d.csv:3:7",
              "`site`");
}

TEST_F(CsvDatasetTest, TheDigestCoversAllThatDecidesTheNumbers) {
  const std::string text = "a,b,y,c,fold\n1,2,0,1,train\n3,4,1,1,test\n";
  ASSERT_OK_AND_ASSIGN(const Dataset base, Load(text));
  const auto differs = [&](const char* what, auto change) {
    SCOPED_TRACE(what);
    const DatasetConfig config = config_;
    const job::JobSpec job = job_;
    change();
    ASSERT_OK_AND_ASSIGN(const Dataset changed, Load(text));
    EXPECT_NE(changed.digest, base.digest);
    config_ = config;
    job_ = job;
  };
  differs("filter", [&] { SetFilter("c == 1"); });
  differs("missing", [&] { config_.missing.push_back("-9"); });
  differs("fold", [&] { config_.split = {"fold", {"train"}, {"test"}, 0}; });
  differs("holdout", [&] { config_.split.holdout = 0.5; });
  differs("feature order", [&] { std::swap(job_.data.features[0], job_.data.features[1]); });
  differs("feature", [&] { job_.data.features[0].name = "c"; });
  differs("type", [&] { job_.data.features[0] = {"c", ColumnType::kBinary, {}}; });
  differs("label", [&] { job_.data.label = "c"; });
  differs("mapping", [&] { config_.columns["a"].column = "c"; });
  differs("positive", [&] { config_.columns["y"] = {"y", {"1"}, {}}; });
  ASSERT_OK_AND_ASSIGN(const Dataset same, Load(text));
  EXPECT_EQ(same.digest, base.digest);
  ASSERT_OK_AND_ASSIGN(const Dataset bytes, Load(text + "\n"));
  EXPECT_NE(bytes.digest, base.digest);
  ASSERT_OK_AND_ASSIGN(const Dataset site, Load(text, "south"));
  EXPECT_NE(site.digest, base.digest);
}

TEST_F(CsvDatasetTest, LongReadingSaysHowFarItIsAndCanBeStopped) {
  std::string text = "a,b,y\n";
  while (text.size() < 5 * kReadBytes) text += "1,2,0\n";
  config_.path = folder_.Write("d.csv", text);
  std::vector<uint64_t> heard;
  const auto watch = [&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, text.size());
    heard.push_back(done);
    return true;
  };
  EXPECT_TRUE(LoadCsv(config_, job_, SiteId("north"), storage_, {.progress = watch}).ok());
  EXPECT_GE(heard.size(), 5u);
  EXPECT_TRUE(std::is_sorted(heard.begin(), heard.end()));
  EXPECT_EQ(heard.back(), text.size());
  const auto stop = [](uint64_t done, uint64_t) { return done < 2 * kReadBytes; };
  EXPECT_TRUE(absl::IsCancelled(
      LoadCsv(config_, job_, SiteId("north"), storage_, {.progress = stop}).status()));
}

}  // namespace
}  // namespace consilium::client::data
