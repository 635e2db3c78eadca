#include "simulator/shared_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "client/data/csv_dataset.h"
#include "common/base/error.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::simulator {
namespace {

using client::data::Dataset;
using client::data::DatasetConfig;
using consilium::testing::TempFolder;
using ::testing::HasSubstr;

constexpr const char* kJob = R"(
name = "towns"
rounds = 1
[data]
dataset = "towns"
label = "ill"
features = ["age"]
[model]
kind = "logistic"
)";

job::JobSpec Spec() { return *job::ParseJob(AsBytes(std::string_view(kJob)), "job.toml"); }

// 60 rows of three towns; every fifth row is for testing, rows 10 and 20 lack their age.
std::string Towns() {
  std::string csv = "town,fold,age,ill\n";
  for (int i = 1; i <= 60; ++i) {
    csv += fmt::format("{},{},{},{}\n",
                       i % 3 == 0   ? "Ulm"
                       : i % 3 == 1 ? "bonn"
                                    : "kiel",
                       i % 5 == 0 ? "test" : "train",
                       i % 10 == 0 && i < 30 ? "" : fmt::format("{}", i), i % 2);
  }
  return csv;
}

DatasetConfig Config(const std::string& path) {
  DatasetConfig config;
  config.name = "towns";
  config.path = path;
  config.split.fold_column = "fold";
  config.split.train = {"train"};
  config.split.test = {"test"};
  return config;
}

std::shared_ptr<const Dataset> DatasetOf(const std::shared_ptr<const SharedRows>& rows,
                                         const SiteRowsOf& site) {
  auto source = SharedRows::SourceOf(rows, site);
  EXPECT_EQ(source->Names(), std::vector<std::string>{"towns"});
  return *source->Load(Spec(), nullptr);
}

TEST(SharedRows, ASiteSeesItsRowsAsIfTheyWereAFileOfItsOwn) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(const auto rows,
                       SharedRows::Load(Config(folder.Write("t.csv", Towns())), Spec()));
  ASSERT_OK_AND_ASSIGN(const auto sites, rows->Divide(*ParsePartition("column:town"), 0, 1));
  ASSERT_EQ(sites.size(), 3u);
  EXPECT_EQ(sites[0].site.value(), "ulm");
  const auto ulm = DatasetOf(rows, sites[0]);
  ASSERT_EQ(ulm->train.rows(), 16u);
  EXPECT_EQ(ulm->train.x[0], 3);
  EXPECT_EQ(ulm->train.y[0], 1);
  EXPECT_EQ(ulm->train.columns, 1u);
  EXPECT_EQ(ulm->test.rows(), 4u);
  EXPECT_EQ(ulm->test.x[0], 15);
}

TEST(SharedRows, EachSiteHasADigestOfItsOwnThatStays) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(const auto rows,
                       SharedRows::Load(Config(folder.Write("t.csv", Towns())), Spec()));
  ASSERT_OK_AND_ASSIGN(const auto sites, rows->Divide({}, 5, 1));
  std::set<Digest> digests;
  for (const SiteRowsOf& site : sites) {
    digests.insert(DatasetOf(rows, site)->digest);
    EXPECT_EQ(DatasetOf(rows, site)->digest, DatasetOf(rows, site)->digest);
  }
  EXPECT_EQ(digests.size(), 5u);
}

TEST(SharedRows, AHoldOutIsDrawnAsThatSiteDrawsItFromItsOwnFile) {
  TempFolder folder;
  std::string ulm = "town,age,ill\n", all = ulm;
  for (int i = 1; i <= 100; ++i) {
    const std::string row = fmt::format("{},{},{}\n", i % 2 ? "ulm" : "kiel", i, i % 3 % 2);
    all += row;
    if (i % 2) ulm += row;
  }
  DatasetConfig config = Config(folder.Write("all.csv", all));
  config.split = {};
  config.split.holdout = 0.2;
  ASSERT_OK_AND_ASSIGN(const auto rows, SharedRows::Load(config, Spec()));
  ASSERT_OK_AND_ASSIGN(const auto sites, rows->Divide(*ParsePartition("column:town"), 0, 1));
  const auto simulated = DatasetOf(rows, sites.back());
  config.path = folder.Write("ulm.csv", ulm);
  const PosixStorage storage;
  ASSERT_OK_AND_ASSIGN(const Dataset own,
                       client::data::LoadCsv(config, Spec(), SiteId("ulm"), storage));
  EXPECT_EQ(simulated->train.x, own.train.x);
  EXPECT_EQ(simulated->test.x, own.test.x);
  EXPECT_EQ(simulated->test.rows(), 10u);
}

TEST(SharedRows, AColumnThatIsNotThereIsNamedWithItsNeighbour) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(const auto rows,
                       SharedRows::Load(Config(folder.Write("t.csv", Towns())), Spec()));
  const auto sites = rows->Divide(*ParsePartition("column:twon"), 0, 1);
  EXPECT_EQ(CodeOf(sites.status()), ErrorCode::kDataMissingColumn);
  EXPECT_THAT(HelpOf(sites.status()), HasSubstr("town"));
  EXPECT_EQ(PlaceOf(sites.status())->file, "t.csv");
}

TEST(SharedRows, ARowWithoutAValueInTheColumnIsNamed) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(
      const auto rows,
      SharedRows::Load(Config(folder.Write("t.csv", Towns() + "?,train,3,1\n")), Spec()));
  const auto sites = rows->Divide(*ParsePartition("column:town"), 0, 1);
  EXPECT_EQ(CodeOf(sites.status()), ErrorCode::kDataBadCell);
  EXPECT_THAT(std::string(sites.status().message()), HasSubstr("data row 61"));
}

TEST(SharedRows, AFileWithoutATrainingRowIsRefused) {
  TempFolder folder;
  const auto rows =
      SharedRows::Load(Config(folder.Write("t.csv", "town,fold,age,ill\nulm,test,3,1\n")), Spec());
  EXPECT_EQ(CodeOf(rows.status()), ErrorCode::kDataTooFewRows);
}

}  // namespace
}  // namespace consilium::simulator
