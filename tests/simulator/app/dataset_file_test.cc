#include "simulator/app/dataset_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/error.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::simulator::app {
namespace {

using consilium::testing::TempFolder;
using ::testing::HasSubstr;

constexpr const char* kClient = R"([client]
id = "cleveland"
server = "localhost:8443"
[datasets.heart]
path = "{data}"
fold_column = "fold"
[datasets.heart.columns]
disease = { column = "y", positive = ["1"] }
)";

TEST(DatasetFile, DataAloneIsAFileWithTheJobsOwnColumns) {
  ASSERT_OK_AND_ASSIGN(const SimulatedData data,
                       ReadSimulatedData({.data = "rows.csv", .holdout = 0.2}, "heart"));
  EXPECT_EQ(data.dataset.name, "heart");
  EXPECT_EQ(data.dataset.path, "rows.csv");
  EXPECT_EQ(data.dataset.split.holdout, 0.2);
  EXPECT_EQ(data.policy.min_rows, 1u);
  EXPECT_THAT(data.policy.workloads, ::testing::Contains("train"));
}

TEST(DatasetFile, TheSectionsOfAClientFileSayHowTheDataIsRead) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(
      const SimulatedData data,
      ReadSimulatedData({.data = "/d/rows.csv", .file = folder.Write("c.toml", kClient)}, "heart"));
  EXPECT_EQ(data.dataset.path, "/d/rows.csv");
  EXPECT_EQ(data.dataset.split.fold_column, "fold");
  EXPECT_EQ(data.dataset.columns.at("disease").column, "y");
}

TEST(DatasetFile, DataIsFoundFromWhereTheCommandWasStarted) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(
      const SimulatedData data,
      ReadSimulatedData({.data = "rows.csv", .file = folder.Write("c.toml", kClient)}, "heart"));
  EXPECT_EQ(data.dataset.path, (std::filesystem::current_path() / "rows.csv").string());
}

TEST(DatasetFile, APolicyInTheFileIsEverySites) {
  TempFolder folder;
  const std::string file =
      folder.Write("c.toml", std::string(kClient) + "[policy]\ndatasets = [\"heart\"]\n");
  ASSERT_OK_AND_ASSIGN(const SimulatedData data,
                       ReadSimulatedData({.data = "x", .file = file}, "heart"));
  EXPECT_TRUE(data.policy.workloads.empty());
  EXPECT_EQ(data.policy.min_rows, 20u);
}

TEST(DatasetFile, WithoutAnyDataItSaysHowToNameSome) {
  const auto data = ReadSimulatedData({}, "heart");
  EXPECT_EQ(CodeOf(data.status()), ErrorCode::kUsage);
  EXPECT_THAT(HelpOf(data.status()), HasSubstr("--data"));
}

TEST(DatasetFile, AnotherDatasetThanTheJobsIsNamedWithItsNeighbour) {
  TempFolder folder;
  const auto data =
      ReadSimulatedData({.data = "x", .file = folder.Write("c.toml", kClient)}, "haert");
  EXPECT_EQ(CodeOf(data.status()), ErrorCode::kDatasetUnknown);
  EXPECT_THAT(HelpOf(data.status()), HasSubstr("heart"));
}

TEST(DatasetFile, AMisspeltKeyHasItsPlace) {
  TempFolder folder;
  const std::string file = folder.Write("c.toml", "[datasets.heart]\npath = \"a\"\nfilt = \"\"\n");
  const auto data = ReadSimulatedData({.file = file}, "heart");
  EXPECT_EQ(CodeOf(data.status()), ErrorCode::kConfigUnknownKey);
  EXPECT_EQ(PlaceOf(data.status())->line, 3);
}

TEST(DatasetFile, AHoldOutIsAShareAndExcludesFolds) {
  TempFolder folder;
  EXPECT_EQ(CodeOf(ReadSimulatedData({.data = "x", .holdout = 1.5}, "heart").status()),
            ErrorCode::kUsage);
  const auto both = ReadSimulatedData(
      {.data = "x", .file = folder.Write("c.toml", kClient), .holdout = 0.2}, "heart");
  EXPECT_EQ(CodeOf(both.status()), ErrorCode::kUsage);
  EXPECT_THAT(std::string(both.status().message()), HasSubstr("fold_column"));
}

}  // namespace
}  // namespace consilium::simulator::app
