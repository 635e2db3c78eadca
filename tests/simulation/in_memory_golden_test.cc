// The golden files H1, H2 and W1 through coordinator, sessions and the in-memory link.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/simulation/in_memory_lab.h"
#include "tests/support/data_folder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::simulation {
namespace {

using consilium::testing::DataFile;
using consilium::testing::NoDataMessage;
using consilium::testing::TempFolder;
using nlohmann::json;

constexpr double kWeightTolerance = 1e-4;  // float32: norm of the difference over the norm
constexpr double kLossTolerance = 1e-5;

constexpr const char* kClient = R"([datasets.golden]
path = "{data}"
filter = "site == {index}"
fold_column = "fold"
train = ["train"]
test = ["test"]
[policy]
datasets = ["golden"]
workloads = ["means", "variances", "train", "evaluate"]
researchers = ["*"]
)";

std::string JobOf(const std::string& data, const json& golden) {
  return fmt::format(
      "name = \"golden\"\nrounds = {}\n[data]\ndataset = \"golden\"\n{}\n[model]\n"
      "kind = \"logistic\"\n[train]\nlearning_rate = {}\nbatch_size = \"full\"\n"
      "local_steps = {}\n[participation]\nmin_sites = 3\n",
      golden["rounds"].get<int>(), data, golden["lr"].get<double>(),
      golden["local_steps"].get<int>());
}

// |ours - golden| / |golden|, the bias last.
double WeightError(const wire::State& state, const json& golden) {
  std::vector<double> ours;
  for (const char* name : {"w", "b"}) {
    const tensor::Bundle& tensors = state.broadcast.tensors;
    for (const float value : tensors.Float32(tensors.IndexOf(name))) ours.push_back(value);
  }
  EXPECT_EQ(ours.size(), golden.size());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double wanted = golden[i];
    difference += (ours[i] - wanted) * (ours[i] - wanted);
    norm += wanted * wanted;
  }
  return std::sqrt(difference / norm);
}

void ExpectGolden(const FinishedJob& job, const json& golden) {
  EXPECT_LE(WeightError(job.content, golden["w"]), kWeightTolerance);
  const server::jobs::StepView& last = job.view.steps.back();
  ASSERT_EQ(last.workload, wire::Workload::kEvaluate);
  EXPECT_NEAR(last.metrics.train.value().loss, golden["loss_final"], kLossTolerance);
  EXPECT_DOUBLE_EQ(*last.metrics.test.value().accuracy, golden["acc_all_test_rows"]);
  ASSERT_EQ(last.sites.size(), golden["acc_site"].size());
  for (size_t i = 0; i < last.sites.size(); ++i) {
    EXPECT_DOUBLE_EQ(*last.sites[i].metrics.test.value().accuracy, golden["acc_site"][i]);
  }
}

class HeartInMemory : public ::testing::TestWithParam<const char*> {};

TEST_P(HeartInMemory, ComesOutOfCoordinatorAndSessions) {
  const auto data = DataFile("uci_heart/heart_flamby.csv");
  const auto file = DataFile("golden/heart_deterministic.json");
  if (!data || !file) GTEST_SKIP() << NoDataMessage("uci_heart/heart_flamby.csv");
  const json golden = json::parse(std::ifstream(*file))["cases"][GetParam()];
  const std::string client = std::string(kClient) +
                             "[datasets.golden.columns]\n"
                             "disease = { column = \"y\", positive = [\"1\"] }\n";
  const std::string job = JobOf(
      "label = \"disease\"\nstandardize = \"site\"\n"
      "features = [\"age\", \"sex\", \"trestbps\", \"chol\", \"fbs\", \"thalach\", "
      "\"exang\", \"oldpeak\", \"cp_2\", \"cp_3\", \"cp_4\", \"restecg_1\", \"restecg_2\"]",
      golden);
  const auto sites = LabSites({"cleveland", "hungarian", "switzerland", "va"}, client, *data);
  ASSERT_OK_AND_ASSIGN(const FinishedJob first, RunInMemory(job, sites));
  ExpectGolden(first, golden);
  ASSERT_OK_AND_ASSIGN(const FinishedJob again, RunInMemory(job, sites));
  EXPECT_EQ(again.state, first.state);
}
INSTANTIATE_TEST_SUITE_P(Golden, HeartInMemory,
                         ::testing::Values("H1_fedsgd_centre", "H2_fedavg_centre"));

TEST(WdbcInMemory, W1ComesOutOfCoordinatorAndSessions) {
  const auto raw = DataFile("wdbc/wdbc.data");
  const auto file = DataFile("golden/wdbc_deterministic.json");
  if (!raw || !file) GTEST_SKIP() << NoDataMessage("wdbc/wdbc.data");
  const json golden = json::parse(std::ifstream(*file))["cases"]["W1_fedavg"];
  // Rows 0-99, 100-249 and 250-568 are the sites; every fifth row is for testing.
  std::string csv = "site,fold,id,label", features;
  for (int i = 0; i < 30; ++i) {
    csv += fmt::format(",f{}", i);
    features += fmt::format("\"f{}\", ", i);
  }
  csv += "\n";
  std::ifstream in(*raw);
  std::string line;
  for (int row = 0; std::getline(in, line); ++row) {
    csv += fmt::format("{},{},{}\n",
                       row < 100   ? 0
                       : row < 250 ? 1
                                   : 2,
                       row % 5 == 4 ? "test" : "train", line);
  }
  TempFolder folder;
  const std::string client = std::string(kClient) +
                             "[datasets.golden.columns]\n"
                             "malignant = { column = \"label\", positive = [\"M\"] }\n";
  ASSERT_OK_AND_ASSIGN(
      const FinishedJob job,
      RunInMemory(JobOf("label = \"malignant\"\nfeatures = [" + features + "]", golden),
                  LabSites({"first", "second", "third"}, client, folder.Write("wdbc.csv", csv))));
  ExpectGolden(job, golden);
}

}  // namespace
}  // namespace consilium::simulation
