// What becomes of a cell: numbers, categories, labels, and cells that are none of these.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/client/data/csv_fixture.h"

namespace consilium::client::data {
namespace {

using consilium::testing::HasCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using job::ColumnType;

TEST_F(CsvDatasetTest, CategoriesBecomeOneColumnPerLevelAfterTheFirst) {
  job_.data.features = {{"a", ColumnType::kNumber, {}},
                        {"cp", ColumnType::kCategory, {"1", "2", "3"}}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("a,cp,y\n5,1.0,0\n6,3,1\n7,2,1\n"));
  EXPECT_EQ(dataset.train.columns, 3u);
  EXPECT_THAT(dataset.train.x, ElementsAre(5, 0, 0, 6, 0, 1, 7, 1, 0));
}

TEST_F(CsvDatasetTest, AnUnknownLevelIsRefusedWithoutBeingShown) {
  job_.data.features = {{"cp", ColumnType::kCategory, {"typical", "none"}}};
  ExpectError("cp,y\ntypical,0\nsecret,1\n", ErrorCode::kDataUnknownLevel, "d.csv:3:1",
              "column `cp` has a cell that is none of the job's levels, want \"typical\", \"none\"",
              "`values`");
}

TEST_F(CsvDatasetTest, ValuesMapTheSitesTextsToTheJobs) {
  job_.data.features = {{"cp", ColumnType::kCategory, {"typical", "none"}}};
  config_.columns["cp"] = {"pain", {}, {{"1", "typical"}, {"k.A.", "none"}}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("pain,y\n1.0,0\nk.A.,1\ntypical,1\n"));
  EXPECT_THAT(dataset.train.x, ElementsAre(0, 1, 0));
}

TEST_F(CsvDatasetTest, BinaryIsZeroOrOneOrWhatTheSiteCallsPositive) {
  job_.data.features = {{"sex", ColumnType::kBinary, {}}};
  ASSERT_OK_AND_ASSIGN(const Dataset plain, Load("sex,y\n1,0\n0.0,1\n"));
  EXPECT_THAT(plain.train.x, ElementsAre(1, 0));
  ExpectError("sex,y\n1,0\n2,1\n", ErrorCode::kDataBadCell, "d.csv:3:1", "neither 0 nor 1",
              "positive = [");
  config_.columns["sex"] = {"gender", {"M", "m"}, {}};
  ASSERT_OK_AND_ASSIGN(const Dataset named, Load("gender,y\nM,0\nF,1\nm,1\n"));
  EXPECT_THAT(named.train.x, ElementsAre(1, 0, 1));
}

TEST_F(CsvDatasetTest, PositiveAlsoServesAJobThatCallsTheColumnANumber) {
  config_.columns["a"] = {"gender", {"M"}, {}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("gender,b,y\nM,2,0\nF,2,1\n"));
  EXPECT_THAT(dataset.train.x, ElementsAre(1, 2, 0, 2));
}

TEST_F(CsvDatasetTest, TheLabelIsPositiveByTheSitesList) {
  job_.data.label = "disease";
  config_.columns["disease"] = {"num", {"1", "2", "3", "4"}, {}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("a,b,num\n1,2,0\n1,2,4.0\n1,2,1\n"));
  EXPECT_THAT(dataset.train.y, ElementsAre(0, 1, 1));
}

TEST_F(CsvDatasetTest, ALabelOfLevelsIsItsIndexAndOfALinearModelTheNumber) {
  job_.data.label_levels = {"low", "mid", "high"};
  job_.data.classes = 3;
  ASSERT_OK_AND_ASSIGN(const Dataset levels, Load("a,b,y\n1,2,high\n1,2,low\n1,2,mid\n"));
  EXPECT_THAT(levels.train.y, ElementsAre(2, 0, 1));
  job_.data.label_levels.clear();
  job_.data.classes = 1;
  ASSERT_OK_AND_ASSIGN(const Dataset number, Load("a,b,y\n1,2,17.5\n"));
  EXPECT_THAT(number.train.y, ElementsAre(17.5));
}

TEST_F(CsvDatasetTest, BadCellsNameColumnAndPlaceButNeverTheValue) {
  ExpectError("a,b,y\n1,2,0\n1,secret,0\n", ErrorCode::kDataBadCell, "d.csv:3:3",
              "column `b` has a cell that is not a number");
  ExpectError("a,b,y\n1,2,secret\n", ErrorCode::kDataBadCell, "d.csv:2:5", "column `y`");
  ExpectError("a,b,y\n\"1\n0\",2,0\n", ErrorCode::kDataBadCell, "d.csv:2:1", "column `a`");
  for (const char* cell : {"nan", "inf", "1e999", "1e30", "1 2", "0x1F"}) {
    ExpectError(std::string("a,b,y\n1,") + cell + ",0\n", ErrorCode::kDataBadCell, "d.csv:2:3",
                "not a number");
  }
  config_.columns["a"] = {"Age (years)", {}, {}};
  ExpectError("Age (years),b,y\nsecret,2,0\n", ErrorCode::kDataBadCell, "d.csv:2:1",
              "column `a` (`Age (years)` in the file)");
}

TEST_F(CsvDatasetTest, BadCellsInUnusedColumnsAndFilteredRowsAreNobodysBusiness) {
  SetFilter("site == 0");
  ASSERT_OK_AND_ASSIGN(const Dataset dataset,
                       Load("a,b,y,site,note\n1,2,0,0,secret\nsecret,2,0,1,x\n"));
  EXPECT_EQ(dataset.train.rows(), 1u);
  EXPECT_EQ(dataset.rows_filtered, 1u);
  EXPECT_EQ(dataset.rows_read, 1u);
}

TEST_F(CsvDatasetTest, ATimeAndItsEventAreOneOutcome) {
  job_.data.label = "days";
  job_.data.event = "died";
  job_.data.classes = 1;
  config_.columns["died"] = {"status", {"2"}, {}};
  ASSERT_OK_AND_ASSIGN(const Dataset dataset,
                       Load("a,b,days,status\n1,2,30,2\n3,4,12.5,1\n5,6,0,1\n7,8,9,?\n"));
  EXPECT_THAT(dataset.train.y, ElementsAre(30, -12.5, 0));
  EXPECT_TRUE(std::signbit(dataset.train.y[2]));
  EXPECT_EQ(dataset.rows_incomplete, 1u);
  ExpectError("a,b,days,status\n1,2,-3,2\n", ErrorCode::kDataBadCell, "d.csv:2:5",
              "a time below 0");
  ExpectError("a,b,days\n1,2,3\n", ErrorCode::kDataMissingColumn, "d.csv:1", "`status`");
  ASSERT_OK_AND_ASSIGN(const Dataset unlabelled, LoadUnlabelled("a,b,days\n1,2,3\n"));
  EXPECT_FALSE(unlabelled.has_label_column);
}

TEST_F(CsvDatasetTest, EveryOtherCellCountsAsTheLevelForIt) {
  job_.data.features = {{"cp", ColumnType::kCategory, {"1", "2", "rest"}}};
  job_.data.features[0].other = "rest";
  ASSERT_OK_AND_ASSIGN(const Dataset dataset, Load("cp,y\n2,0\nsecret,1\n1,1\nrest,0\n"));
  EXPECT_THAT(dataset.train.x, ElementsAre(1, 0, 0, 1, 0, 0, 0, 1));
}

TEST_F(CsvDatasetTest, WhatTheJobFillsIsKeptAsNan) {
  job_.data.features = {{"a", ColumnType::kNumber, {}},
                        {"cp", ColumnType::kCategory, {"1", "2", "3"}},
                        {"b", ColumnType::kNumber, {}}};
  job_.data.features[0].missing = job::Missing::kIndicator;
  job_.data.features[1].missing = job::Missing::kMode;
  ASSERT_OK_AND_ASSIGN(const Dataset dataset,
                       Load("a,cp,b,y\n5,1,1,0\n?,3,2,1\n7,NA,3,1\n8,2,?,1\n"));
  EXPECT_EQ(dataset.train.columns, 5u);
  EXPECT_EQ(dataset.rows_incomplete, 1u);  // b is not filled
  const auto nan = ::testing::NanSensitiveDoubleEq(std::nan(""));
  EXPECT_THAT(dataset.train.x, ElementsAre(5, 0, 0, 0, 1, nan, 1, 0, 1, 2, 7, 0, nan, nan, 3));
}

TEST_F(CsvDatasetTest, TheDigestTellsFilledColumnsApart) {
  ASSERT_OK_AND_ASSIGN(const Dataset dropped, Load("a,b,y\n1,2,0\n"));
  job_.data.features[0].missing = job::Missing::kMean;
  ASSERT_OK_AND_ASSIGN(const Dataset filled, Load("a,b,y\n1,2,0\n"));
  EXPECT_NE(dropped.digest, filled.digest);
}

TEST_F(CsvDatasetTest, RowsFromATimeOnTest) {
  config_.split.time_column = "day";
  config_.split.test_from = "2024-01-01";
  ASSERT_OK_AND_ASSIGN(const Dataset dates,
                       Load("a,b,y,day\n1,2,0,2023-12-31\n3,4,1,2024-01-01\n5,6,1,NA\n"
                            "7,8,1,2024-06-30\n"));
  EXPECT_THAT(dates.train.places, ElementsAre(1));
  EXPECT_THAT(dates.test.places, ElementsAre(2, 4));
  EXPECT_EQ(dates.rows_in_no_split, 1u);
  config_.split.test_from = "9";
  ASSERT_OK_AND_ASSIGN(const Dataset numbers, Load("a,b,y,day\n1,2,0,10\n3,4,1,8.5\n5,6,1,9\n"));
  EXPECT_THAT(numbers.test.places, ElementsAre(1, 3));
  ExpectError("a,b,y,day\n1,2,0,secret\n", ErrorCode::kDataBadCell, "d.csv:2:7", "not a number",
              "test_from");
  ExpectError("a,b,y\n1,2,0\n", ErrorCode::kDataMissingColumn, "d.csv:1", "the split reads");
}

}  // namespace
}  // namespace consilium::client::data
