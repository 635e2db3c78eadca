#include "client/data/dataset_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/toml_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::client::data {
namespace {

using consilium::testing::HasCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

absl::StatusOr<std::vector<DatasetConfig>> Parse(std::string_view text) {
  auto file = config::TomlFile::Parse(text, "client.toml", config::kConfigErrors);
  if (!file.ok()) return file.status();
  auto datasets = ParseDatasets(file->root().Table("datasets"), "/etc/consilium");
  if (absl::Status status = file->Finish(); !status.ok()) return status;
  return datasets;
}

void ExpectError(std::string_view keys, ErrorCode code, const std::string& message,
                 const std::string& help = "") {
  SCOPED_TRACE(keys);
  const auto datasets = Parse("[datasets.heart]\npath = 'h.csv'\n" + std::string(keys));
  ASSERT_FALSE(datasets.ok());
  EXPECT_THAT(datasets, HasCode(code));
  EXPECT_THAT(std::string(datasets.status().message()), HasSubstr(message));
  EXPECT_THAT(HelpOf(datasets.status()), HasSubstr(help));
  EXPECT_GE(PlaceOf(datasets.status())->line, 3);
}

TEST(DatasetConfig, APathIsEnough) {
  ASSERT_OK_AND_ASSIGN(const auto datasets, Parse("[datasets.heart]\npath = 'heart.csv'\n"));
  ASSERT_EQ(datasets.size(), 1u);
  const DatasetConfig& heart = datasets[0];
  EXPECT_EQ(heart.name, "heart");
  EXPECT_EQ(heart.path, "/etc/consilium/heart.csv");
  EXPECT_TRUE(heart.header);
  EXPECT_FALSE(heart.header_sure);
  EXPECT_EQ(heart.separator, std::nullopt);
  EXPECT_THAT(heart.missing, ElementsAre("", "?", "NA"));
  EXPECT_TRUE(heart.filter.columns().empty());
  EXPECT_EQ(heart.split.fold_column, "");
  EXPECT_EQ(heart.split.holdout, 0);
}

TEST(DatasetConfig, EveryKeyIsRead) {
  ASSERT_OK_AND_ASSIGN(
      const auto datasets,
      Parse(
          "[datasets.heart]\npath = '/data/../data/heart.csv'\nseparator = ';'\nheader = false\n"
          "names = ['age', 'y', 'fold']\nmissing = ['-9']\nfilter = 'age >= 18'\n"
          "fold_column = 'fold'\ntrain = ['a', 'b']\ntest = ['c']\n"
          "[datasets.heart.columns]\nyears = 'age'\n"
          "disease = { column = 'y', positive = ['1', '2'] }\n"
          "kind = { values = { M = 'malignant', B = 'benign' } }\n"
          "[datasets.second]\npath = 's.csv'\nholdout = 0.25\nseparator = 'tab'\nheader = true\n"));
  ASSERT_EQ(datasets.size(), 2u);
  const DatasetConfig& heart = datasets[0];
  EXPECT_EQ(heart.path, "/data/heart.csv");
  EXPECT_EQ(heart.separator, ';');
  EXPECT_FALSE(heart.header);
  EXPECT_THAT(heart.names, ElementsAre("age", "y", "fold"));
  EXPECT_THAT(heart.missing, ElementsAre("-9"));
  EXPECT_THAT(heart.filter.columns(), ElementsAre("age"));
  EXPECT_EQ(heart.split.fold_column, "fold");
  EXPECT_THAT(heart.split.train, ElementsAre("a", "b"));
  EXPECT_THAT(heart.split.test, ElementsAre("c"));
  EXPECT_EQ(heart.columns.at("years").column, "age");
  EXPECT_EQ(heart.columns.at("disease").column, "y");
  EXPECT_THAT(heart.columns.at("disease").positive, ElementsAre("1", "2"));
  EXPECT_EQ(heart.columns.at("kind").column, "kind");
  EXPECT_THAT(heart.columns.at("kind").values,
              ElementsAre(Pair("B", "benign"), Pair("M", "malignant")));
  EXPECT_EQ(datasets[1].split.holdout, 0.25);
  EXPECT_EQ(datasets[1].separator, '\t');
  EXPECT_TRUE(datasets[1].header_sure);
}

TEST(DatasetConfig, AFoldColumnSaysTrainAndTestUnlessTold) {
  ASSERT_OK_AND_ASSIGN(const auto datasets,
                       Parse("[datasets.heart]\npath = 'h'\nfold_column = 'fold'\n"));
  EXPECT_THAT(datasets[0].split.train, ElementsAre("train"));
  EXPECT_THAT(datasets[0].split.test, ElementsAre("test"));
}

TEST(DatasetConfig, NamesMayReplaceAHeader) {
  ASSERT_OK_AND_ASSIGN(const auto datasets,
                       Parse("[datasets.heart]\npath = 'h'\nnames = ['a']\nheader = true\n"));
  EXPECT_TRUE(datasets[0].header);
  ASSERT_OK_AND_ASSIGN(const auto plain, Parse("[datasets.heart]\npath = 'h'\nnames = ['a']\n"));
  EXPECT_FALSE(plain[0].header);
}

TEST(DatasetConfig, WithoutDatasetsThereAreNone) {
  ASSERT_OK_AND_ASSIGN(const auto datasets, Parse(""));
  EXPECT_THAT(datasets, IsEmpty());
}

TEST(DatasetConfig, TheExampleOfTheDocumentationIsValid) {
  const std::string docs =
      consilium::testing::ReadTextFile(CONSILIUM_SOURCE_DIR "/docs/client-toml.md");
  const size_t begin = docs.find("```toml\n") + 8;
  const std::string example = docs.substr(begin, docs.find("```", begin) - begin);
  const size_t datasets = example.find("[datasets.heart]");
  ASSERT_NE(datasets, std::string::npos);
  ASSERT_OK_AND_ASSIGN(const auto configs, Parse(example.substr(datasets)));
  EXPECT_EQ(configs.at(0).columns.at("disease").column, "y");
}

TEST(DatasetConfig, MistakesAreNamedWithTheirPlace) {
  ExpectError("pth = 'x'", ErrorCode::kConfigUnknownKey, "unknown key `pth`", "`path`");
  ExpectError("filter = 'age = 3'", ErrorCode::kDataFilter, "(character 5)", "==");
  ExpectError("holdout = 1.0", ErrorCode::kConfigOutOfRange, "want 0 to 0.9");
  ExpectError("separator = '|'", ErrorCode::kConfigOutOfRange, "want \"auto\"");
  ExpectError("header = false", ErrorCode::kConfigConflict, "no `names`", "names = [");
  ExpectError("names = []", ErrorCode::kConfigOutOfRange, "is empty");
  ExpectError("names = ['a', 'a']", ErrorCode::kConfigConflict, "\"a\" twice");
  ExpectError("columns = ['a']", ErrorCode::kConfigConflict, "is a list", "`names`");
  ExpectError("train = ['x']", ErrorCode::kConfigConflict, "needs a `fold_column`");
  ExpectError("fold_column = 'f'\nholdout = 0.2", ErrorCode::kConfigConflict, "exclude each other");
  ExpectError("fold_column = 'f'\ntest = ['train']", ErrorCode::kConfigConflict,
              "which `train` names too");
  ExpectError("[datasets.heart.columns]\ny = { positive = [] }", ErrorCode::kConfigOutOfRange,
              "is empty");
  ExpectError("[datasets.heart.columns]\ny = { positve = ['1'] }", ErrorCode::kConfigUnknownKey,
              "`positve`", "`positive`");
  ExpectError("[datasets.heart.columns]\ny = { values = { M = 1 } }", ErrorCode::kConfigWrongType,
              "want text");
  ExpectError("[datasets.'Not A Name']\npath = 'x'", ErrorCode::kConfigOutOfRange, "is no name");
  EXPECT_THAT(Parse("[datasets.heart]\n"), HasCode(ErrorCode::kConfigMissingKey));
}

TEST(DatasetConfig, ArraysAreKnownByTheirEnding) {
  for (const char* path : {"a.npy", "a.npz", "a.npz#x", "t-images-idx3-ubyte.gz", "a.idx"}) {
    EXPECT_EQ(FormatOf(path), Format::kArray) << path;
  }
  for (const char* path : {"a.csv", "a.csv.gz", "a.txt", "npy"}) {
    EXPECT_EQ(FormatOf(path), Format::kCsv) << path;
  }
}

TEST(DatasetConfig, EveryKeyOfAnArrayIsRead) {
  ASSERT_OK_AND_ASSIGN(
      const auto datasets,
      Parse("[datasets.digits]\npath = 'm.npz#x_train'\nlabels = 'm.npz#y_train'\n"
            "test_path = '/data/m.npz#x_test'\ntest_labels = '/data/m.npz#y_test'\n"
            "column_prefix = 'p'\ndivide_by = 256\n"));
  const DatasetConfig& digits = datasets.at(0);
  EXPECT_EQ(digits.format, Format::kArray);
  EXPECT_EQ(digits.path, "/etc/consilium/m.npz");
  EXPECT_EQ(digits.array.member, "x_train");
  EXPECT_EQ(digits.array.labels.path, "/etc/consilium/m.npz");
  EXPECT_EQ(digits.array.labels.member, "y_train");
  EXPECT_EQ(digits.array.test.path, "/data/m.npz");
  EXPECT_EQ(digits.array.test_labels.member, "y_test");
  EXPECT_EQ(digits.array.prefix, "p");
  EXPECT_EQ(digits.array.divide_by, 256);
}

TEST(DatasetConfig, KeysOfArraysAndOfTextDoNotMix) {
  ExpectError("labels = 'y.idx'\n", ErrorCode::kConfigConflict, "goes with arrays");
  ExpectError("format = 'array'\nseparator = ','\n", ErrorCode::kConfigConflict,
              "goes with files of text");
  ExpectError("format = 'array'\nlabels = 'y'\ntest_path = 'x'\n", ErrorCode::kConfigConflict,
              "together");
  ExpectError(
      "format = 'array'\nlabels = 'a'\ntest_path = 'x'\ntest_labels = 'y'\n"
      "holdout = 0.2\n",
      ErrorCode::kConfigConflict, "exclude each other");
}

TEST(DatasetConfig, AnotherFileComesWithoutTheLabelsOfTheFirst) {
  DatasetConfig config;
  config.format = Format::kArray;
  config.array.labels.path = "y";
  config.array.divide_by = 3;
  ReplaceFile(config, "/new.npz#x");
  EXPECT_EQ(config.path, "/new.npz");
  EXPECT_EQ(config.array.member, "x");
  EXPECT_EQ(config.array.labels.path, "");
  EXPECT_EQ(config.array.divide_by, 3);
  ReplaceFile(config, "/new.csv");
  EXPECT_EQ(config.format, Format::kCsv);
}

TEST(DatasetConfig, ASplitByTimeNeedsItsBorderAndNoOtherSplit) {
  ASSERT_OK_AND_ASSIGN(const auto datasets,
                       Parse("[datasets.heart]\npath = 'h.csv'\ntime_column = 'day'\n"
                             "test_from = '2024-01-01'\n"));
  EXPECT_EQ(datasets.at(0).split.time_column, "day");
  EXPECT_EQ(datasets.at(0).split.test_from, "2024-01-01");
  ExpectError("time_column = 'day'\n", ErrorCode::kConfigConflict, "together");
  ExpectError("time_column = 'day'\ntest_from = '3'\nholdout = 0.2\n", ErrorCode::kConfigConflict,
              "exclude each other");
}

}  // namespace
}  // namespace consilium::client::data
