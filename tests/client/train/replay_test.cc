// FLamby's own runs of Fed-Heart-Disease (Ogier du Terrail et al. 2022, arXiv 2210.04620), with its
// start weights and its mini-batches: not one test row differs.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>

#include "tests/client/train/gzip_json.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/data_folder.h"
#include "tests/support/first_state.h"
#include "tests/support/status_matchers.h"

namespace consilium::testing {
namespace {

using client::data::Dataset;
using client::data::Split;
using job::StrategyKind;
using nlohmann::json;

constexpr size_t kUpdates = 100;  // a round
constexpr double kReplayedWeights = 1e-4;

struct Replayed {
  const char* name;  // in the golden file
  StrategyKind kind;
};

job::JobSpec ReplayJob(const Replayed& replayed, const json& settings) {
  job::JobSpec spec = LogisticJob(13);
  spec.data.standardize = job::Standardize::kSite;
  spec.model.start = job::StartKind::kState;
  spec.rounds = 15;
  spec.train.batch_size = 4;
  spec.train.local_epochs = 0;
  spec.train.local_steps = kUpdates;
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

// A state whose model is `weights`, the bias last.
wire::State StateOf(job::JobSpec spec, const json& weights) {
  spec.model.start = job::StartKind::kZeros;
  spec.strategy = {};
  wire::State state = FirstStateOf(spec, nullptr).value();
  const std::span<float> w = state.broadcast.tensors.Float32(0);
  for (size_t i = 0; i < w.size(); ++i) w[i] = weights[i];
  state.broadcast.tensors.Float32(1)[0] = weights[w.size()];
  return state;
}

// Of all test rows, scaled by the mean and deviation of all training rows: correct ones over all.
double PooledAccuracy(const std::vector<Dataset>& sites, const wire::State& state) {
  const size_t columns = sites[0].train.columns;
  std::vector<double> mean(columns), scale(columns);
  double rows = 0;
  for (const Dataset& site : sites) {
    rows += static_cast<double>(site.train.rows());
    for (size_t i = 0; i < site.train.x.size(); ++i) mean[i % columns] += site.train.x[i];
  }
  for (double& m : mean) m /= rows;
  for (const Dataset& site : sites) {
    for (size_t i = 0; i < site.train.x.size(); ++i) {
      const double off = site.train.x[i] - mean[i % columns];
      scale[i % columns] += off * off / (rows - 1);
    }
  }
  double hits = 0, all = 0;
  for (const Dataset& site : sites) {
    for (size_t r = 0; r < site.test.rows(); ++r, ++all) {
      double score = state.broadcast.tensors.Float32(1)[0];
      for (size_t c = 0; c < columns; ++c) {
        score += state.broadcast.tensors.Float32(0)[c] * (site.test.x[r * columns + c] - mean[c]) /
                 (std::sqrt(scale[c]) + 1e-9);
      }
      hits += (score > 0) == (site.test.y[r] > 0) ? 1 : 0;
    }
  }
  return hits / all;
}

class HeartReplay : public ::testing::TestWithParam<std::tuple<int, Replayed>> {};

TEST_P(HeartReplay, NotOneRowDiffers) {
  const auto& [seed, replayed] = GetParam();
  const auto sites = HeartSites();
  const std::string name = "golden/flamby_heart_replay_seed" + std::to_string(seed) + ".json.gz";
  const auto path = DataFile(name);
  if (sites.empty() || !path) GTEST_SKIP() << NoDataMessage(name);
  const json replay = ReadGzippedJson(*path);
  const json& golden = replay["results"][replayed.name];
  const job::JobSpec spec = ReplayJob(replayed, golden["hp"]);
  const wire::State start = StateOf(spec, replay["w0"]);
  RunOptions options;
  options.put = &start;
  options.batches = [&](RoundNumber round, size_t k) {
    const auto first =
        replay["schedule"][k].begin() + static_cast<ptrdiff_t>((round.value() - 1) * kUpdates);
    return std::vector<std::vector<uint32_t>>(first, first + kUpdates);
  };
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(spec, sites, options));
  for (size_t k = 0; k < sites.size(); ++k) {
    EXPECT_DOUBLE_EQ(result.steps.back().sites[k].test.value().accuracy.value(),
                     golden["acc_site"][k])
        << k;
  }
  EXPECT_DOUBLE_EQ(PooledAccuracy(sites, result.state), golden["acc_pooled_test_pooled_norm"]);
  const tensor::Bundle& tensors = result.state.broadcast.tensors;
  double difference = 0, norm = 0;
  for (size_t i = 0; i < golden["w"].size(); ++i) {
    const double wanted = golden["w"][i];
    const double got = i < 13 ? tensors.Float32(0)[i] : tensors.Float32(1)[0];
    difference += (got - wanted) * (got - wanted);
    norm += wanted * wanted;
  }
  EXPECT_LE(std::sqrt(difference / norm), kReplayedWeights);
}

INSTANTIATE_TEST_SUITE_P(
    Runs, HeartReplay,
    ::testing::Combine(::testing::Values(42, 43),
                       ::testing::Values(Replayed{"FedAvg", StrategyKind::kFedAvg},
                                         Replayed{"FedProx", StrategyKind::kFedProx},
                                         Replayed{"Scaffold", StrategyKind::kScaffold},
                                         Replayed{"FedAdam", StrategyKind::kFedAdam},
                                         Replayed{"FedYogi", StrategyKind::kFedYogi},
                                         Replayed{"FedAdagrad", StrategyKind::kFedAdagrad})),
    [](const auto& run) {
      return std::string(std::get<1>(run.param).name) + std::to_string(std::get<0>(run.param));
    });

}  // namespace
}  // namespace consilium::testing
