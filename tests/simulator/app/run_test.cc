#include "simulator/app/run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/output/run_record.h"
#include "common/base/error.h"
#include "common/learn/model_file.h"
#include "simulator/app/run_files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::simulator::app {
namespace {

using consilium::testing::IsOk;
using consilium::testing::ReadTextFile;
using consilium::testing::TempFolder;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kJob = R"(
name = "towns"
rounds = 4
[data]
dataset = "towns"
label = "ill"
features = ["age"]
[model]
kind = "logistic"
)";

std::string LinearJob() {
  std::string job = kJob;
  job.replace(job.find("logistic"), 8, "linear");
  return job;
}

std::string Towns() {
  std::string csv = "town,age,ill\n";
  for (int i = 0; i < 90; ++i)
    csv += fmt::format("town{},{},{}\n", i % 3, i * 7 % 31, i * 7 % 31 > 15 ? 1 : 0);
  return csv;
}

RunOptions Options(const TempFolder& folder) {
  RunOptions options;
  options.job = folder.Write("job.toml", kJob);
  options.data.data = folder.Write("towns.csv", Towns());
  options.data.holdout = 0.3;
  return options;
}

TEST(SimulationRun, GivesTheJobTheModelAndWhoHadWhat) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(const RunResult result, RunSimulation(Options(folder), {}));
  EXPECT_EQ(result.job.status(), v1::JOB_STATUS_DONE);
  EXPECT_EQ(result.sites.size(), kDefaultSites);
  EXPECT_EQ(result.job.rounds_committed(), 4u);
  EXPECT_THAT(learn::CheckModel(result.model), IsOk());
  EXPECT_GT(result.simulated, Duration(0));
}

TEST(SimulationRun, WritesEveryFileOfItsFolder) {
  TempFolder folder;
  RunOptions options = Options(folder);
  options.out = folder.PathOf("results/first");
  ASSERT_OK_AND_ASSIGN(const RunResult result, RunSimulation(options, {}));
  ASSERT_THAT(WriteRunFiles(options, result), IsOk());
  ASSERT_THAT(WriteRunFiles(options, result), IsOk()) << "over those of an earlier run";
  const std::string at = options.out + "/";
  ASSERT_OK_AND_ASSIGN(const nlohmann::json run,
                       cli::ReadRun(ReadTextFile(at + "run.json"), "run.json"));
  EXPECT_EQ(run["simulation"]["sites"], kDefaultSites);
  EXPECT_EQ(run["simulation"]["partition"], "iid");
  EXPECT_EQ(ReadTextFile(at + "rounds.csv"), cli::RoundsCsv(run));
  EXPECT_THAT(ReadTextFile(at + "sites.csv"),
              StartsWith("site,train_rows,test_rows,test_loss,test_accuracy,test_auc\nsite-01,"));
  EXPECT_THAT(ReadTextFile(at + "curves.svg"), StartsWith("<svg"));
  const std::string model = ReadTextFile(at + "model.safetensors");
  EXPECT_THAT(learn::DecodeModel(AsBytes(model)), IsOk());
  EXPECT_THAT(ReadTextFile(at + "model.npz"), StartsWith("PK"));
}

TEST(SimulationRun, AColumnDecidesHowManySitesThereAre) {
  TempFolder folder;
  RunOptions options = Options(folder);
  options.partition = *ParsePartition("column:town");
  ASSERT_OK_AND_ASSIGN(const RunResult result, RunSimulation(options, {}));
  ASSERT_EQ(result.sites.size(), 3u);
  EXPECT_EQ(result.sites[0].site.value(), "town0");
  options.sites = 5;
  const auto both = RunSimulation(options, {});
  EXPECT_EQ(CodeOf(both.status()), ErrorCode::kUsage);
  EXPECT_THAT(HelpOf(both.status()), HasSubstr("--sites"));
}

TEST(SimulationRun, AFileOfSitesHasTheMetricsOfTheModelsKind) {
  TempFolder folder;
  RunOptions options = Options(folder);
  options.job =
      folder.Write("job.toml", fmt::format("{}\n[train]\nlearning_rate = 0.01\n", LinearJob()));
  options.sites = 3;
  options.out = folder.PathOf("linear");
  ASSERT_OK_AND_ASSIGN(RunResult result, RunSimulation(options, {}));
  result.sites.push_back({SiteId("site-without-rows"), 0, 0});
  ASSERT_THAT(WriteRunFiles(options, result), IsOk());
  const std::string sites = ReadTextFile(options.out + "/sites.csv");
  EXPECT_THAT(sites, StartsWith("site,train_rows,test_rows,test_loss,test_mae,test_rmse\nsite-1,"));
  EXPECT_THAT(sites, HasSubstr("\nsite-without-rows,0,0,,,\n"));
  EXPECT_THAT(ReadTextFile(options.out + "/curves.svg"), HasSubstr("MAE"));
}

// What a job learned is the start of the next: nothing is trained on the way.
TEST(SimulationRun, AJobStartsFromTheFileThatItsInitNames) {
  TempFolder folder;
  RunOptions options = Options(folder);
  options.out = folder.PathOf("first");
  ASSERT_OK_AND_ASSIGN(const RunResult first, RunSimulation(options, {}));
  ASSERT_THAT(WriteRunFiles(options, first), IsOk());
  options.start = options.out + "/model.safetensors";
  const auto unasked = RunSimulation(options, {});
  EXPECT_EQ(CodeOf(unasked.status()), ErrorCode::kUsage);
  EXPECT_THAT(std::string(unasked.status().message()), HasSubstr("init names no state"));
  const std::string help = HelpOf(unasked.status());
  const std::string init = help.substr(help.find("init = "), sizeof("init = \"sha256:\"") + 63);
  options.job = folder.Write("again.toml", kJob + init + "\n");
  ASSERT_OK_AND_ASSIGN(const RunResult second, RunSimulation(options, {}));
  const auto loss = [](const RunResult& result, int step) {
    return result.job.steps(step).metrics().train().loss();
  };
  const int last = first.job.steps_size() - 1;
  int train = 0;
  while (second.job.steps(train).workload() != v1::WORKLOAD_TRAIN) ++train;
  EXPECT_NEAR(loss(second, train), loss(first, last), 1e-9);
  EXPECT_LT(loss(second, second.job.steps_size() - 1), loss(first, last));
  options.start.clear();
  const auto missing = RunSimulation(options, {});
  EXPECT_EQ(CodeOf(missing.status()), ErrorCode::kUsage);
  EXPECT_THAT(HelpOf(missing.status()), HasSubstr("--start"));
}

TEST(SimulationRun, AnotherModelThanTheOneNamedIsNoStart) {
  TempFolder folder;
  RunOptions options = Options(folder);
  options.out = folder.PathOf("first");
  ASSERT_OK_AND_ASSIGN(const RunResult first, RunSimulation(options, {}));
  ASSERT_THAT(WriteRunFiles(options, first), IsOk());
  const std::string named(64, 'a');
  options.job = folder.Write("other.toml", fmt::format("{}init = \"sha256:{}\"\n", kJob, named));
  options.start = options.out + "/model.safetensors";
  const auto other = RunSimulation(options, {});
  EXPECT_EQ(CodeOf(other.status()), ErrorCode::kUsage);
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("sha256:" + named));
  options.start = folder.Write("no.model", "nothing");
  EXPECT_FALSE(RunSimulation(options, {}).ok());
  options.start = folder.PathOf("nowhere");
  EXPECT_FALSE(RunSimulation(options, {}).ok());
}

}  // namespace
}  // namespace consilium::simulator::app
