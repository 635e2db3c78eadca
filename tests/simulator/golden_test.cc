// A simulated job gives the bits of the federation that it stands for.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "client/policy/policy_config.h"
#include "common/base/status_macros.h"
#include "simulator/federation.h"
#include "simulator/shared_rows.h"
#include "tests/simulation/in_memory_lab.h"
#include "tests/support/data_folder.h"
#include "tests/support/status_matchers.h"

namespace consilium::simulator {
namespace {

using consilium::testing::DataFile;
using consilium::testing::NoDataMessage;

constexpr const char* kLabClient = R"([datasets.golden]
path = "{data}"
filter = "site == {index}"
fold_column = "fold"
train = ["train"]
test = ["test"]
[policy]
datasets = ["golden"]
workloads = ["means", "variances", "train", "evaluate"]
researchers = ["*"]
[datasets.golden.columns]
disease = { column = "y", positive = ["1"] }
)";

std::string HeartJob(const std::string& train, const std::string& standardize, int rounds) {
  return fmt::format(
      "name = \"golden\"\nrounds = {}\n[data]\ndataset = \"golden\"\nlabel = \"disease\"\n"
      "standardize = \"{}\"\n"
      "features = [\"age\", \"sex\", \"trestbps\", \"chol\", \"fbs\", \"thalach\", \"exang\", "
      "\"oldpeak\", \"cp_2\", \"cp_3\", \"cp_4\", \"restecg_1\", \"restecg_2\"]\n"
      "[model]\nkind = \"logistic\"\n[train]\n{}\n[participation]\nmin_sites = 4\n",
      rounds, standardize, train);
}

client::data::DatasetConfig HeartConfig(const std::string& path) {
  client::data::DatasetConfig config;
  config.name = "golden";
  config.path = path;
  config.split.fold_column = "fold";
  config.split.train = {"train"};
  config.split.test = {"test"};
  config.columns["disease"] = {.column = "y", .positive = {"1"}, .values = {}};
  return config;
}

// The four centres of heart, by the column that names them.
absl::StatusOr<Finished> Simulated(const std::string& job, const std::string& path) {
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, job::ParseJob(AsBytes(job), "job.toml"));
  CN_ASSIGN_OR_RETURN(const auto rows, SharedRows::Load(HeartConfig(path), spec));
  CN_ASSIGN_OR_RETURN(auto sites, rows->Divide(*ParsePartition("column:site"), 0, 1));
  SimulatedFederation::Options options;
  for (SiteRowsOf& site : sites) {
    SiteSetup& setup = options.sites.emplace_back();
    setup.site = site.site;
    setup.policy = {
        .datasets = {"golden"}, .workloads = client::policy::WorkloadNames(), .researchers = {"*"}};
    setup.train_rows = site.train.size();
    setup.datasets = SharedRows::SourceOf(rows, std::move(site));
  }
  CN_ASSIGN_OR_RETURN(const auto federation, SimulatedFederation::Create(std::move(options)));
  CN_ASSIGN_OR_RETURN(const JobId id, federation->Submit(job, "job.toml"));
  return federation->Run(id);
}

struct Case {
  const char* name;
  const char* train;
  const char* standardize;
};

class SameBits : public ::testing::TestWithParam<Case> {};

// The lab gives each site its rows by a filter over the same file, under the same name.
TEST_P(SameBits, AsTheInMemoryLabOfTheSameSites) {
  const auto data = DataFile("uci_heart/heart_flamby.csv");
  if (!data) GTEST_SKIP() << NoDataMessage("uci_heart/heart_flamby.csv");
  const std::string job = HeartJob(GetParam().train, GetParam().standardize, 10);
  ASSERT_OK_AND_ASSIGN(const Finished simulated, Simulated(job, *data));
  const auto lab = simulation::LabSites({"0", "1", "2", "3"}, kLabClient, *data);
  ASSERT_OK_AND_ASSIGN(const auto real, simulation::RunInMemory(job, lab));
  EXPECT_EQ(simulated.view.state, real.state);
  EXPECT_EQ(simulated.view.steps.back().metrics.test->loss,
            real.view.steps.back().metrics.test->loss);
}

INSTANTIATE_TEST_SUITE_P(
    Heart, SameBits,
    ::testing::Values(Case{"FullBatch", "batch_size = \"full\"\nlocal_steps = 5", "site"},
                      Case{"MiniBatches", "batch_size = 16\nlocal_epochs = 2", "federated"}),
    [](const auto& row) { return row.param.name; });

TEST(SimulatedGolden, H2ComesOutOfColumnSite) {
  const auto data = DataFile("uci_heart/heart_flamby.csv");
  const auto file = DataFile("golden/heart_deterministic.json");
  if (!data || !file) GTEST_SKIP() << NoDataMessage("uci_heart/heart_flamby.csv");
  const auto golden = nlohmann::json::parse(std::ifstream(*file))["cases"]["H2_fedavg_centre"];
  const std::string train =
      fmt::format("learning_rate = {}\nbatch_size = \"full\"\nlocal_steps = {}",
                  golden["lr"].get<double>(), golden["local_steps"].get<int>());
  ASSERT_OK_AND_ASSIGN(const Finished done,
                       Simulated(HeartJob(train, "site", golden["rounds"].get<int>()), *data));
  EXPECT_NEAR(done.view.steps.back().metrics.train->loss, golden["loss_final"], 1e-5);
  EXPECT_DOUBLE_EQ(*done.view.steps.back().metrics.test->accuracy, golden["acc_all_test_rows"]);
}

}  // namespace
}  // namespace consilium::simulator
