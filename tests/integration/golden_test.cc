// The golden files H1, H2 and W1 out of the real system: processes, certificates, mTLS.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "common/learn/model_file.h"
#include "tests/integration/lab.h"
#include "tests/simulation/in_memory_lab.h"
#include "tests/support/data_folder.h"
#include "tests/support/status_matchers.h"

namespace consilium::testing {
namespace {

using nlohmann::json;

const std::vector<std::string> kHospitals = {"cleveland", "hungarian", "switzerland", "va"};
constexpr double kWeightTolerance = 1e-4;  // float32: norm of the difference over the norm
constexpr double kLossTolerance = 1e-5;

json Golden(const std::string& file, const std::string& name) {
  return json::parse(ReadTextFile(file))["cases"][name];
}

// w, then the bias.
std::vector<double> WeightsOf(Lab& lab, const std::string& job) {
  const std::string file = lab.PathOf("model.safetensors");
  const Ran got = lab.Consilium({"model", "get", job, "-o", file});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  const auto model = learn::DecodeModel(AsBytes(ReadTextFile(file)));
  EXPECT_THAT(model, IsOk());
  std::vector<double> weights;
  for (const char* tensor : {"w", "b"}) {
    const auto values = model->tensors.Float32(model->tensors.IndexOf(tensor));
    weights.insert(weights.end(), values.begin(), values.end());
  }
  return weights;
}

double RelativeDifference(const std::vector<double>& ours, const std::vector<double>& wanted) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    difference += (ours.at(i) - wanted[i]) * (ours.at(i) - wanted[i]);
    norm += wanted[i] * wanted[i];
  }
  return std::sqrt(difference / norm);
}

const json* StepOf(const json& job, const std::string& workload, int round) {
  for (const json& step : job["steps"]) {
    if (step["workload"] == workload && step.value("round", 0) == round) return &step;
  }
  return nullptr;
}

void ExpectGolden(Lab& lab, const json& job, const json& golden) {
  ASSERT_EQ(job["status"], "done") << job.dump(2);
  const auto wanted = golden["w"].get<std::vector<double>>();
  EXPECT_LE(RelativeDifference(WeightsOf(lab, job["job"]), wanted), kWeightTolerance);
  const json* second = StepOf(job, "train", 2);
  ASSERT_NE(second, nullptr);
  EXPECT_NEAR((*second)["metrics"]["train"]["loss"], golden["loss_round1"], kLossTolerance);
  const json* evaluation = StepOf(job, "evaluate", 0);
  ASSERT_NE(evaluation, nullptr);
  EXPECT_NEAR((*evaluation)["metrics"]["train"]["loss"], golden["loss_final"], kLossTolerance);
  EXPECT_DOUBLE_EQ((*evaluation)["metrics"]["test"]["accuracy"], golden["acc_all_test_rows"]);
  EXPECT_NEAR((*evaluation)["metrics"]["test"]["auc"], golden["auc_all_test_rows"], 5e-4);
  const auto accuracies = golden["acc_site"].get<std::vector<double>>();
  ASSERT_EQ((*evaluation)["sites"].size(), accuracies.size());
  for (size_t i = 0; i < accuracies.size(); ++i) {
    const json& site = (*evaluation)["sites"][i];
    EXPECT_DOUBLE_EQ(site["metrics"]["test"]["accuracy"], accuracies[i]) << site["site"];
  }
}

class HeartGolden : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto data = DataFile("uci_heart/heart_flamby.csv");
    const auto golden = DataFile("golden/heart_deterministic.json");
    if (!data || !golden) GTEST_SKIP() << NoDataMessage("uci_heart/heart_flamby.csv");
    golden_ = *golden;
    data_ = *data;
    const Ran up = lab_.Up(kHospitals, HeartClient(), *data);
    ASSERT_EQ(up.exit_code, 0) << up.err;
  }
  // Through processes and mTLS, or through the in-memory link: the same bits.
  void ExpectSameInMemory(const std::string& file, const json& job) {
    ASSERT_OK_AND_ASSIGN(
        const auto finished,
        simulation::RunInMemory(file, simulation::LabSites(kHospitals, HeartClient(), data_)));
    EXPECT_EQ(HexOf(finished.state), job["state"].get<std::string>());
  }

  Lab lab_;
  std::string golden_;
  std::string data_;
};

TEST_F(HeartGolden, H1FedSgdWithEachSitesOwnScaling) {
  const std::string file = HeartJob("site", 200, 1, 0.5);
  const json job = lab_.RunJob(file);
  ExpectGolden(lab_, job, Golden(golden_, "H1_fedsgd_centre"));
  ExpectSameInMemory(file, job);
}

TEST_F(HeartGolden, H2FedAvgAndTheSameFileTwiceGivesTheSameState) {
  const std::string file = HeartJob("site", 50, 5, 0.1);
  const json job = lab_.RunJob(file);
  ExpectGolden(lab_, job, Golden(golden_, "H2_fedavg_centre"));
  const json again = lab_.RunJob(file);
  EXPECT_NE(again["job"], job["job"]);
  EXPECT_EQ(again["state"], job["state"]);
  ExpectSameInMemory(file, job);
}

// Moments at the server, variates at the sites: all of it comes out the same. The model that is
// taken home is the model alone.
TEST_F(HeartGolden, StrategiesGiveTheBitsOfTheInMemoryLink) {
  for (const char* strategy : {"fedyogi", "scaffold", "fednova", "qfedavg", "feddyn"}) {
    SCOPED_TRACE(strategy);
    const std::string file =
        HeartJob("site", 5, 5, 0.1) + fmt::format("\n[aggregation]\nstrategy = \"{}\"\n", strategy);
    const json job = lab_.RunJob(file);
    ASSERT_EQ(job["status"], "done") << job.dump(2);
    ExpectSameInMemory(file, job);
    EXPECT_EQ(WeightsOf(lab_, job["job"]).size(), 14u);
  }
}

TEST_F(HeartGolden, FederatedStandardisationReachesWhatTheDataHolds) {
  const json job = lab_.RunJob(HeartJob("federated", 50, 5, 0.1));
  ASSERT_EQ(job["status"], "done") << job.dump(2);
  const json* evaluation = StepOf(job, "evaluate", 0);
  ASSERT_NE(evaluation, nullptr);
  double sum = 0;
  for (const json& site : (*evaluation)["sites"]) {
    sum += site["metrics"]["test"]["accuracy"].get<double>();
  }
  EXPECT_GE(sum / 4, 0.78);
  EXPECT_GE((*evaluation)["metrics"]["test"]["auc"].get<double>(), 0.87);
}

class HeartPredict : public HeartGolden, public ::testing::WithParamInterface<const char*> {};

// With "site" by the statistics that each client kept.
TEST_P(HeartPredict, ReproducesTheReportedHoldOutMetrics) {
  const json job = lab_.RunJob(HeartJob(GetParam(), 10, 5, 0.1));
  const json* evaluation = StepOf(job, "evaluate", 0);
  ASSERT_NE(evaluation, nullptr);
  const std::string model = lab_.PathOf("m.json");
  ASSERT_EQ(lab_.Consilium({"model", "get", job["job"], "-o", model}).exit_code, 0);
  for (const json& site : (*evaluation)["sites"]) {
    const std::string config =
        lab_.PathOf("consilium-lab/sites/" + site["site"].get<std::string>() + "/client.toml");
    const Ran ran = RunProgram({"consilium-client", "predict", "--config", config, "--model", model,
                                "--dataset", "heart", "--json"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    const json predicted = json::parse(ran.out, nullptr, false);
    ASSERT_TRUE(predicted.is_object()) << ran.out;
    EXPECT_DOUBLE_EQ(predicted["data"]["metrics"]["test"]["accuracy"],
                     site["metrics"]["test"]["accuracy"]);
    EXPECT_NEAR(predicted["data"]["metrics"]["test"]["loss"], site["metrics"]["test"]["loss"],
                1e-6);
  }
}
INSTANTIATE_TEST_SUITE_P(Standardize, HeartPredict, ::testing::Values("federated", "site"));

// WDBC as three hospitals: rows 0-99, 100-249, 250-568; every fifth row is for testing.
std::string WdbcAsSites(const std::string& raw) {
  std::string csv = "site,fold,id,label";
  for (int i = 0; i < 30; ++i) csv += fmt::format(",f{}", i);
  csv += "\n";
  std::ifstream in(raw);
  std::string line;
  for (int row = 0; std::getline(in, line); ++row) {
    csv += fmt::format("{},{},{}\n",
                       row < 100   ? 0
                       : row < 250 ? 1
                                   : 2,
                       row % 5 == 4 ? "test" : "train", line);
  }
  return csv;
}

constexpr const char* kWdbcClient = R"([datasets.wdbc]
path = "{data}"
filter = "site == {index}"
fold_column = "fold"
train = ["train"]
test = ["test"]
[datasets.wdbc.columns]
malignant = { column = "label", positive = ["M"] }
[policy]
datasets = ["wdbc"]
workloads = ["means", "variances", "train", "evaluate"]
researchers = ["*"]
)";

std::string WdbcJob() {
  std::string features;
  for (int i = 0; i < 30; ++i) features += fmt::format("\"f{}\", ", i);
  return fmt::format(R"(name = "wdbc"
rounds = 50
[data]
dataset = "wdbc"
label = "malignant"
features = [{}]
[model]
kind = "logistic"
[train]
learning_rate = 0.1
batch_size = "full"
local_steps = 5
[participation]
min_sites = 3
)",
                     features);
}

TEST(WdbcGolden, W1FedAvgWithFederatedScaling) {
  const auto raw = DataFile("wdbc/wdbc.data");
  const auto golden = DataFile("golden/wdbc_deterministic.json");
  if (!raw || !golden) GTEST_SKIP() << NoDataMessage("wdbc/wdbc.data");
  Lab lab;
  const std::vector<std::string> sites = {"first", "second", "third"};
  const std::string data = lab.Write("wdbc.csv", WdbcAsSites(*raw));
  const Ran up = lab.Up(sites, kWdbcClient, data);
  ASSERT_EQ(up.exit_code, 0) << up.err;
  const json job = lab.RunJob(WdbcJob());
  ExpectGolden(lab, job, Golden(*golden, "W1_fedavg"));
  ASSERT_OK_AND_ASSIGN(
      const auto finished,
      simulation::RunInMemory(WdbcJob(), simulation::LabSites(sites, kWdbcClient, data)));
  EXPECT_EQ(HexOf(finished.state), job["state"].get<std::string>());
}

}  // namespace
}  // namespace consilium::testing
