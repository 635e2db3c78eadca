#include "client/data/dataset_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::client::data {
namespace {

using consilium::testing::HasCode;
using consilium::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

job::JobSpec JobOn(const std::string& dataset, const std::string& feature = "a") {
  job::JobSpec job;
  job.data.dataset = dataset;
  job.data.label = "y";
  job.data.features = {{feature, job::ColumnType::kNumber, {}}};
  return job;
}

DatasetConfig ConfigOf(const std::string& name, const std::string& path) {
  DatasetConfig config;
  config.name = name;
  config.path = path;
  return config;
}

TEST(CsvCatalog, NamesItsDatasetsInOrder) {
  const CsvCatalog catalog({ConfigOf("heart", "x"), ConfigOf("breast", "y")}, SiteId("north"));
  EXPECT_THAT(catalog.Names(), ElementsAre("heart", "breast"));
}

TEST(CsvCatalog, AnUnknownDatasetNamesTheNearest) {
  CsvCatalog catalog({ConfigOf("heart", "x")}, SiteId("north"));
  const auto dataset = catalog.Load(JobOn("haert"));
  EXPECT_THAT(dataset, HasCode(ErrorCode::kDatasetUnknown));
  EXPECT_THAT(HelpOf(dataset.status()), HasSubstr("`heart`"));
}

TEST(CsvCatalog, ADatasetIsReadOnceWhileItsFileStays) {
  const TempFolder folder;
  CsvCatalog catalog({ConfigOf("heart", folder.Write("h.csv", "a,b,y\n1,2,0\n"))}, SiteId("north"));
  ASSERT_OK_AND_ASSIGN(const auto first, catalog.Load(JobOn("heart")));
  ASSERT_OK_AND_ASSIGN(const auto again, catalog.Load(JobOn("heart")));
  EXPECT_EQ(first.get(), again.get());
  ASSERT_OK_AND_ASSIGN(const auto other, catalog.Load(JobOn("heart", "b")));
  EXPECT_NE(first.get(), other.get());
  EXPECT_THAT(other->train.x, ElementsAre(2.0));
}

TEST(CsvCatalog, AChangedFileIsReadAnew) {
  const TempFolder folder;
  const std::string path = folder.Write("h.csv", "a,y\n1,0\n");
  CsvCatalog catalog({ConfigOf("heart", path)}, SiteId("north"));
  ASSERT_OK_AND_ASSIGN(const auto first, catalog.Load(JobOn("heart")));
  folder.Write("h.csv", "a,y\n1,0\n2,1\n");
  ASSERT_OK_AND_ASSIGN(const auto longer, catalog.Load(JobOn("heart")));
  EXPECT_THAT(longer->train.x, ElementsAre(1.0, 2.0));
  folder.Write("h.csv", "a,y\n1,0\n7,1\n");
  std::filesystem::last_write_time(
      path, std::filesystem::last_write_time(path) + std::chrono::seconds(5));
  ASSERT_OK_AND_ASSIGN(const auto changed, catalog.Load(JobOn("heart")));
  EXPECT_THAT(changed->train.x, ElementsAre(1.0, 7.0));
  std::filesystem::remove(path);
  EXPECT_THAT(catalog.Load(JobOn("heart")), HasCode(ErrorCode::kFileNotFound));
  EXPECT_THAT(first->train.x, ElementsAre(1.0));  // whoever still holds it keeps it
}

TEST(CsvCatalog, OnlyTheLastFewStayInMemory) {
  const TempFolder folder;
  const std::string path = folder.Write("h.csv", "a,y\n1,0\n");
  std::vector<DatasetConfig> configs;
  for (size_t i = 0; i <= CsvCatalog::kMaxKept; ++i) {
    configs.push_back(ConfigOf("d" + std::to_string(i), path));
  }
  CsvCatalog catalog(configs, SiteId("north"));
  ASSERT_OK_AND_ASSIGN(auto oldest, catalog.Load(JobOn("d0")));
  for (const DatasetConfig& config : configs) {
    ASSERT_OK_AND_ASSIGN(const auto unused, catalog.Load(JobOn(config.name)));
  }
  EXPECT_EQ(oldest.use_count(), 1);
  ASSERT_OK_AND_ASSIGN(const auto newest, catalog.Load(JobOn(configs.back().name)));
  EXPECT_EQ(newest.use_count(), 2);
}

}  // namespace
}  // namespace consilium::client::data
