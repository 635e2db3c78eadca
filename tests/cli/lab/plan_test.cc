#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/lab/lab.h"
#include "common/job/job_spec.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::cli {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

constexpr const char* kExampleLab = CONSILIUM_SOURCE_DIR "/examples/heart/lab.toml";
constexpr const char* kExampleJob = CONSILIUM_SOURCE_DIR "/examples/heart/job.toml";

TEST(ReadLabPlan, WithoutAFileThereAreFourSyntheticHospitals) {
  ASSERT_OK_AND_ASSIGN(const LabPlan plan, ReadLabPlan({}));
  EXPECT_TRUE(plan.synthetic);
  EXPECT_EQ(plan.sites.size(), 4u);
}

TEST(ReadLabPlan, TheExampleIsValid) {
  ASSERT_OK_AND_ASSIGN(const LabPlan plan,
                       ReadLabPlan({.lab_file = kExampleLab, .data = "heart.csv"}));
  EXPECT_EQ(plan.federation, "heart-lab");
  EXPECT_EQ(plan.sites.size(), 4u);
  EXPECT_FALSE(plan.synthetic);
}

// One site's configuration stands in the example, for people to read, and in the program.
TEST(ReadLabPlan, WhatIsBuiltInIsTheExample) {
  ASSERT_OK_AND_ASSIGN(const LabPlan built_in, ReadLabPlan({}));
  ASSERT_OK_AND_ASSIGN(const LabPlan example,
                       ReadLabPlan({.lab_file = kExampleLab, .data = "heart.csv"}));
  EXPECT_EQ(built_in.client, example.client);
}

TEST(ReadLabPlan, AMissingDataFileIsAskedFor) {
  EXPECT_THAT(ReadLabPlan({.lab_file = kExampleLab}), HasCode(ErrorCode::kUsage));
}

TEST(ReadLabPlan, BadNamesAndTwinsAreRefused) {
  testing::TempFolder folder;
  const std::string path = folder.path() + "/lab.toml";
  ASSERT_THAT(WriteFile(path, "sites = [\"A b\"]\nclient = \"\"\n"), IsOk());
  EXPECT_THAT(ReadLabPlan({.lab_file = path}), HasCode(ErrorCode::kConfigOutOfRange));
  ASSERT_THAT(WriteFile(path, "sites = [\"a\", \"a\"]\nclient = \"\"\n"), IsOk());
  EXPECT_THAT(ReadLabPlan({.lab_file = path}), HasCode(ErrorCode::kConfigConflict));
  ASSERT_THAT(WriteFile(path, "client = \"\"\n"), IsOk());
  EXPECT_THAT(ReadLabPlan({.lab_file = path}), HasCode(ErrorCode::kConfigMissingKey));
}

TEST(FillIn, FillsEveryPlaceholderOnceAndOnlyThose) {
  EXPECT_EQ(FillIn("{name}-{index}:{data} {other}", "va", 3, "{name}.csv"),
            "va-3:{name}.csv {other}");
}

TEST(JobForOneSite, KeepsTheJobAndNarrowsWhoTakesPart) {
  ASSERT_OK_AND_ASSIGN(const std::string file, ReadFile(kExampleJob, 1 << 20));
  ASSERT_OK_AND_ASSIGN(const std::string own, JobForOneSite(file, "va"));
  ASSERT_OK_AND_ASSIGN(const job::JobSpec whole, job::ParseJob(AsBytes(file), "job.toml"));
  ASSERT_OK_AND_ASSIGN(const job::JobSpec spec, job::ParseJob(AsBytes(own), "own.toml"));
  ASSERT_EQ(spec.participation.sites.size(), 1u);
  EXPECT_EQ(spec.participation.sites[0], SiteId("va"));
  EXPECT_EQ(spec.participation.min_sites, 1u);
  EXPECT_EQ(spec.rounds, whole.rounds);
  EXPECT_EQ(spec.data.features.size(), whole.data.features.size());
  EXPECT_EQ(spec.train.learning_rate, whole.train.learning_rate);
}

}  // namespace
}  // namespace consilium::cli
