#include "client/policy/policy_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/toml_file.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::policy {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::StatusOr<PolicyOptions> Parse(std::string_view text) {
  auto file = config::TomlFile::Parse(text, "client.toml", config::kConfigErrors);
  if (!file.ok()) return file.status();
  PolicyOptions options = ParsePolicy(file->root().Table("policy"));
  if (absl::Status status = file->Finish(); !status.ok()) return status;
  return options;
}

TEST(PolicyConfig, EveryKeyIsRead) {
  ASSERT_OK_AND_ASSIGN(
      const PolicyOptions options,
      Parse("[policy]\ndatasets = [\"heart\"]\nworkloads = [\"means\", \"variances\", \"train\", "
            "\"evaluate\"]\nresearchers = [\"anna\"]\nmin_rows = 100\nmin_cell = 10\n"));
  EXPECT_THAT(options.datasets, ElementsAre("heart"));
  EXPECT_THAT(options.workloads, ElementsAre("means", "variances", "train", "evaluate"));
  EXPECT_THAT(options.researchers, ElementsAre("anna"));
  EXPECT_EQ(options.min_rows, 100u);
  EXPECT_EQ(options.min_cell, 10u);
}

TEST(PolicyConfig, AFileWithoutAPolicyAllowsNothing) {
  ASSERT_OK_AND_ASSIGN(const PolicyOptions options, Parse(""));
  EXPECT_THAT(options.datasets, IsEmpty());
  EXPECT_THAT(options.workloads, IsEmpty());
  EXPECT_THAT(options.researchers, IsEmpty());
  EXPECT_EQ(options.min_rows, 20u);
  EXPECT_EQ(options.min_cell, 5u);
}

TEST(PolicyConfig, AWorkloadThatIsNoneNamesTheNearest) {
  const auto options = Parse("[policy]\nworkloads = [\"trian\"]\n");
  EXPECT_THAT(options, HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(HelpOf(options.status()), HasSubstr("`train`"));
}

TEST(PolicyConfig, MistakesAreErrorsAndNeverAnOpenDoor) {
  EXPECT_THAT(Parse("[policy]\ndataset = [\"heart\"]\n"), HasCode(ErrorCode::kConfigUnknownKey));
  EXPECT_THAT(Parse("[policy]\ndatasets = \"heart\"\n"), HasCode(ErrorCode::kConfigWrongType));
  EXPECT_THAT(Parse("[policy]\ndatasets = [\"He art\"]\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(Parse("[policy]\nmin_rows = 0\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(Parse("[policy]\nmin_cell = -1\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(Parse("policy = true\n"), HasCode(ErrorCode::kConfigWrongType));
}

}  // namespace
}  // namespace consilium::client::policy
