// The golden files T1 and T6 of TCGA, and FLamby's own runs of Fed-TCGA-BRCA (Ogier du Terrail et
// al. 2022, arXiv 2210.04620) with its start weights and its mini-batches.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "common/learn/model.h"
#include "tests/client/train/gzip_json.h"
#include "tests/client/train/tcga_data.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/data_folder.h"
#include "tests/support/first_state.h"
#include "tests/support/status_matchers.h"

namespace consilium::testing {
namespace {

using client::data::Dataset;
using job::StrategyKind;
using job::Ties;
using nlohmann::json;

constexpr double kTcgaMetric = 1e-12;
constexpr double kTcgaLoss = 1e-5;
constexpr size_t kTcgaUpdates = 100;  // a round

json TcgaGolden() {
  const auto path = DataFile("golden/tcga_brca_deterministic.json");
  return path ? json::parse(std::ifstream(*path)) : json();
}

// |w - golden| / |golden|, over the 39 weights.
template <typename T>
double TcgaWeightError(std::span<const T> w, const json& golden) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const double wanted = golden[i];
    difference += (w[i] - wanted) * (w[i] - wanted);
    norm += wanted * wanted;
  }
  return std::sqrt(difference / norm);
}

void ExpectSiteConcordances(const JobResult& result, const json& golden) {
  for (size_t k = 0; k < golden.size(); ++k) {
    EXPECT_NEAR(result.steps.back().sites[k].test.value().c_index.value(), golden[k], kTcgaMetric)
        << k;
  }
}

TEST(TcgaGolden, T1WeightsLossesAndConcordancesComeOut) {
  std::vector<Dataset> sites = TcgaSites();
  const json file = TcgaGolden();
  if (sites.empty() || file.is_null()) GTEST_SKIP() << NoDataMessage("tcga_brca/brca.csv");
  const json& golden = file["cases"]["T1_fedsgd"];
  ScaleAge(file["age_mean"], file["age_sd"], sites);
  job::JobSpec spec = TcgaJob(Ties::kBreslow);
  spec.rounds = golden["rounds"];
  spec.train.batch_size = 0;
  spec.train.local_epochs = 0;
  spec.train.local_steps = golden["local_steps"];
  spec.train.learning_rate = golden["lr"];
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(spec, sites));
  EXPECT_LE(TcgaWeightError(std::span<const float>(result.state.broadcast.tensors.Float32(0)),
                            golden["w"]),
            1e-4);
  EXPECT_NEAR(result.steps.at(1).all.train.value().loss, golden["loss_round1"], kTcgaLoss);
  EXPECT_NEAR(result.steps.back().all.train.value().loss, golden["loss_final"], kTcgaLoss);
  ExpectSiteConcordances(result, golden["c_site"]);
  EXPECT_NEAR(PooledConcordance(sites, true, result.state), golden["c_all_test"], kTcgaMetric);
  EXPECT_NEAR(PooledConcordance(sites, false, result.state), golden["c_all_train"], kTcgaMetric);
}

// (1 / N) sum over sites of their loss + lambda / 2 |w|^2, by gradient descent in double.
TEST(TcgaGolden, T6TheMinimumOfThePenalisedStratifiedLikelihoodComesOut) {
  std::vector<Dataset> sites = TcgaSites();
  const json file = TcgaGolden();
  if (sites.empty() || file.is_null()) GTEST_SKIP() << NoDataMessage("tcga_brca/brca.csv");
  const json& golden = file["cases"]["T6_stratified_cox_l2_0.01"];
  const double lambda = golden["lam"];
  ScaleAge(file["age_mean"], file["age_sd"], sites);
  const auto shape = learn::ShapeOf(TcgaJob(Ties::kBreslow)).value();
  std::vector<std::unique_ptr<learn::BasicModel<double>>> models;
  double rows = 0;
  for (const Dataset& site : sites) {
    models.push_back(learn::MakeModel<double>(shape));
    rows += static_cast<double>(site.train.rows());
  }
  std::vector<double> w(39), gradient(39), total(39);
  double loss = 0;
  for (int step = 0; step < 5000; ++step) {
    loss = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      total[i] = lambda * w[i];
      loss += lambda / 2 * w[i] * w[i];
    }
    for (size_t k = 0; k < sites.size(); ++k) {
      const client::data::Split& train = sites[k].train;
      const double share = static_cast<double>(train.rows()) / rows;
      loss += share * models[k]->LossAndGradient(w, {train.x, train.y}, gradient);
      for (size_t i = 0; i < w.size(); ++i) total[i] += share * gradient[i];
    }
    for (size_t i = 0; i < w.size(); ++i) w[i] -= total[i];
  }
  EXPECT_NEAR(loss, golden["loss"], 1e-9);
  EXPECT_LE(TcgaWeightError(std::span<const double>(w), golden["w"]), 1e-6);
}

struct TcgaReplayed {
  const char* name;  // in the golden file
  StrategyKind kind;
  double weights;  // largest relative error of the weights
};

class TcgaReplay : public ::testing::TestWithParam<std::tuple<int, TcgaReplayed>> {};

job::JobSpec TcgaReplayJob(const TcgaReplayed& replayed, const json& settings) {
  job::JobSpec spec = TcgaJob(Ties::kNone);
  spec.model.start = job::StartKind::kState;
  spec.rounds = 5;
  spec.train.batch_size = 8;
  spec.train.local_epochs = 0;
  spec.train.local_steps = kTcgaUpdates;
  spec.train.learning_rate = settings["lr"];
  spec.strategy = {.kind = replayed.kind,
                   .server_learning_rate = settings.value("slr", 1.0),
                   .beta1 = 0.9,
                   .beta2 = 0.999,
                   .tau = 1e-8,
                   .initial_v = 0,
                   .mu = settings.value("mu", 0.0)};
  return spec;
}

wire::State TcgaStart(job::JobSpec spec, const json& weights) {
  spec.model.start = job::StartKind::kZeros;
  spec.strategy = {};
  wire::State state = FirstStateOf(spec, nullptr).value();
  const std::span<float> w = state.broadcast.tensors.Float32(0);
  for (size_t i = 0; i < w.size(); ++i) w[i] = weights[i];
  return state;
}

TEST_P(TcgaReplay, NotOnePairDiffers) {
  const auto& [seed, replayed] = GetParam();
  const auto sites = TcgaSites();
  const std::string name = "golden/flamby_tcga_replay_seed" + std::to_string(seed) + ".json.gz";
  const auto path = DataFile(name);
  if (sites.empty() || !path) GTEST_SKIP() << NoDataMessage(name);
  const json replay = ReadGzippedJson(*path);
  const json& golden = replay["results"][replayed.name];
  const job::JobSpec spec = TcgaReplayJob(replayed, golden["hp"]);
  const wire::State start = TcgaStart(spec, replay["w0"]);
  RunOptions options;
  options.put = &start;
  options.batches = [&golden = golden](RoundNumber round, size_t k) {
    const auto first =
        golden["schedule"][k].begin() + static_cast<ptrdiff_t>((round.value() - 1) * kTcgaUpdates);
    return std::vector<std::vector<uint32_t>>(first, first + kTcgaUpdates);
  };
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(spec, sites, options));
  ExpectSiteConcordances(result, golden["c_site"]);
  EXPECT_NEAR(PooledConcordance(sites, true, result.state), golden["c_all_test"], kTcgaMetric);
  EXPECT_LE(TcgaWeightError(std::span<const float>(result.state.broadcast.tensors.Float32(0)),
                            golden["w"]),
            replayed.weights);
}

// With v near 0 the adaptive ones make much of a last bit.
INSTANTIATE_TEST_SUITE_P(
    Runs, TcgaReplay,
    ::testing::Combine(::testing::Values(42, 43),
                       ::testing::Values(TcgaReplayed{"FedAvg", StrategyKind::kFedAvg, 1e-4},
                                         TcgaReplayed{"FedProx", StrategyKind::kFedProx, 1e-4},
                                         TcgaReplayed{"Scaffold", StrategyKind::kScaffold, 1e-4},
                                         TcgaReplayed{"FedAdam", StrategyKind::kFedAdam, 1e-2},
                                         TcgaReplayed{"FedYogi", StrategyKind::kFedYogi, 1e-2},
                                         TcgaReplayed{"FedAdagrad", StrategyKind::kFedAdagrad,
                                                      1e-2})),
    [](const auto& run) {
      return std::string(std::get<1>(run.param).name) + std::to_string(std::get<0>(run.param));
    });

}  // namespace
}  // namespace consilium::testing
