// The strategies' local rules against small examples worked by hand from the papers
// (job/strategy.cc), and where whole jobs of them end.
#include "client/train/local_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "common/learn/strategy_layout.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/first_state.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::train {
namespace {

using ::consilium::testing::HasCode;
using ::consilium::testing::LogisticJob;
using job::StrategyKind;
using ::testing::ElementsAre;

// s = x w + b with squared error / 2, steps of 0.5 over all rows.
job::JobSpec LinearJob(const job::StrategySpec& strategy, uint32_t steps = 1) {
  job::JobSpec spec = LogisticJob(1);
  spec.model.kind = job::ModelKind::kLinear;
  spec.data.classes = 1;
  spec.data.standardize = job::Standardize::kNone;
  spec.train.learning_rate = 0.5f;
  spec.train.batch_size = 0;
  spec.train.local_epochs = 0;
  spec.train.local_steps = steps;
  spec.strategy = strategy;
  return spec;
}

data::Dataset Rows(std::vector<double> x, std::vector<double> y) {
  data::Dataset dataset;
  dataset.train.columns = dataset.test.columns = 1;
  dataset.train.x = std::move(x);
  dataset.train.y = std::move(y);
  return dataset;
}

// One row x = y = 1 from w = b = 0, where the gradient is (-1, -1).
absl::StatusOr<Contribution> TrainOneRow(const job::JobSpec& spec, std::vector<float> own = {},
                                         std::vector<float> variates = {}) {
  wire::StatePart state = std::move(testing::FirstStateOf(spec, nullptr).value().broadcast);
  for (size_t i = 0; i < variates.size(); ++i) state.tensors.Float32(2 + i)[0] = variates[i];
  SiteTask task{wire::Workload::kTrain, RoundNumber(1), SiteId("a")};
  task.own = own;
  return RunSiteHalf(spec, task, state, Rows({1}, {1}), nullptr);
}

std::vector<float> Of(const Contribution& contribution, const std::string& prefix = "") {
  const tensor::Bundle& values = contribution.values;
  return {values.Float32(values.IndexOf(prefix + "w"))[0],
          values.Float32(values.IndexOf(prefix + "b"))[0]};
}

double Scalar(const Contribution& contribution, std::string_view name) {
  return contribution.values.Float64(contribution.values.IndexOf(name))[0];
}

TEST(LocalRule, WithoutAStrategyStepsFollowTheGradient) {
  ASSERT_OK_AND_ASSIGN(const Contribution trained, TrainOneRow(LinearJob({}, 2)));
  EXPECT_THAT(Of(trained), ElementsAre(0.5f, 0.5f));  // the loss is 0 after the first
  EXPECT_TRUE(trained.next_own.empty());
}

TEST(LocalRule, FedProxPullsBackToTheStart) {
  const job::JobSpec spec = LinearJob({.kind = StrategyKind::kFedProx, .mu = 1}, 2);
  ASSERT_OK_AND_ASSIGN(const Contribution trained, TrainOneRow(spec));
  EXPECT_THAT(Of(trained), ElementsAre(0.25f, 0.25f));  // .5, then .5 - .5 (0 + 1 * .5)
}

// c = (.5, 0), c_k = (0, .25): steps by (-.5, -1.25). What they came to is the gradient.
TEST(LocalRule, ScaffoldTakesTheDriftOutAndMovesItsVariate) {
  for (const uint32_t option : {1u, 2u}) {
    const job::JobSpec spec = LinearJob({.kind = StrategyKind::kScaffold, .option = option});
    ASSERT_OK_AND_ASSIGN(const Contribution trained, TrainOneRow(spec, {0, 0.25f}, {0.5f, 0}));
    EXPECT_THAT(Of(trained), ElementsAre(0.25f, 0.625f)) << option;
    EXPECT_THAT(trained.next_own, ElementsAre(-1, -1)) << option;
    EXPECT_THAT(Of(trained, "variate."), ElementsAre(-1, -1.25f)) << option;
    EXPECT_EQ(Scalar(trained, learn::kSitesTensor), 1);
  }
}

// After two steps of (-1, -1) and 0 only option 2 has another mean: (-.5, -.5).
TEST(LocalRule, TheOptionsDifferWhereTheGradientChangesOnTheWay) {
  job::StrategySpec scaffold{.kind = StrategyKind::kScaffold, .option = 1};
  ASSERT_OK_AND_ASSIGN(const Contribution first, TrainOneRow(LinearJob(scaffold, 2)));
  EXPECT_THAT(first.next_own, ElementsAre(-1, -1));
  scaffold.option = 2;
  ASSERT_OK_AND_ASSIGN(const Contribution second, TrainOneRow(LinearJob(scaffold, 2)));
  EXPECT_THAT(second.next_own, ElementsAre(-0.5f, -0.5f));
}

TEST(LocalRule, FedNovaSharesTheStepsOut) {
  const job::JobSpec spec = LinearJob({.kind = StrategyKind::kFedNova}, 2);
  ASSERT_OK_AND_ASSIGN(const Contribution trained, TrainOneRow(spec));
  EXPECT_THAT(Of(trained), ElementsAre(0.25f, 0.25f));
  const tensor::Bundle& values = trained.values;
  EXPECT_EQ(values.Float32(values.IndexOf("fednova.steps"))[0], 2);
}

// Two steps of momentum 1/2 are two gradients and a half, of Nesterov three and a quarter. The
// first step of 1/2 and of 3/4 meet a gradient of (0, 0) and (1/2, 1/2).
TEST(LocalRule, FedNovaCountsTheGradientsThatMomentumAddsUp) {
  job::JobSpec spec = LinearJob({.kind = StrategyKind::kFedNova}, 2);
  spec.train.optimizer = {.kind = job::OptimizerKind::kMomentum, .momentum = 0.5};
  ASSERT_OK_AND_ASSIGN(const Contribution heavy, TrainOneRow(spec));
  const tensor::Bundle& values = heavy.values;
  EXPECT_FLOAT_EQ(values.Float32(values.IndexOf("fednova.steps"))[0], 2.5F);
  EXPECT_FLOAT_EQ(Of(heavy)[0], 0.75F / 2.5F);
  spec.train.optimizer.kind = job::OptimizerKind::kNesterov;
  ASSERT_OK_AND_ASSIGN(const Contribution ahead, TrainOneRow(spec));
  EXPECT_FLOAT_EQ(ahead.values.Float32(ahead.values.IndexOf("fednova.steps"))[0], 3.25F);
  // u = -1/2 + 1/2, then .75 - .5 (1/2 + 0).
  EXPECT_FLOAT_EQ(Of(ahead)[0], 0.5F / 3.25F);
}

// As its name says of the local problem: any optimizer takes steps down gradient and pull.
TEST(LocalRule, FedProxPullsWithAnyOptimizer) {
  job::JobSpec spec = LinearJob({.kind = StrategyKind::kFedProx, .mu = 1}, 2);
  spec.train.optimizer = {.kind = job::OptimizerKind::kMomentum, .momentum = 0.5};
  ASSERT_OK_AND_ASSIGN(const Contribution trained, TrainOneRow(spec));
  // g = -1, then 0 + 1 * .5; u = -1, then -.5 + .5.
  EXPECT_THAT(Of(trained), ElementsAre(0.5f, 0.5f));
}

// At w = 1, b = 0 the row is met and the gradient is the penalty's alone; the bias has none.
TEST(LocalRule, ScaffoldsGradientAtTheStartHasThePenalty) {
  job::JobSpec spec = LinearJob({.kind = StrategyKind::kScaffold, .option = 1});
  spec.train.optimizer.l2 = 0.5;
  wire::StatePart state = std::move(testing::FirstStateOf(spec, nullptr).value().broadcast);
  state.tensors.Float32(0)[0] = 1;
  const SiteTask task{wire::Workload::kTrain, RoundNumber(1), SiteId("a")};
  ASSERT_OK_AND_ASSIGN(const Contribution trained,
                       RunSiteHalf(spec, task, state, Rows({1}, {1}), nullptr));
  EXPECT_THAT(trained.next_own, ElementsAre(0.5f, 0));
}

TEST(LocalRule, TheRateIsThatOfTheRound) {
  job::JobSpec spec = LinearJob({});
  spec.rounds = 4;
  spec.train.schedule = {.kind = job::ScheduleKind::kStep, .decay_every = 2, .decay_factor = 0.5};
  wire::StatePart state = std::move(testing::FirstStateOf(spec, nullptr).value().broadcast);
  for (const auto& [round, moved] : {std::pair(1, 0.5f), {2, 0.5f}, {3, 0.25f}, {4, 0.25f}}) {
    const SiteTask task{wire::Workload::kTrain, RoundNumber(static_cast<uint64_t>(round)),
                        SiteId("a")};
    ASSERT_OK_AND_ASSIGN(const Contribution trained,
                         RunSiteHalf(spec, task, state, Rows({1}, {1}), nullptr));
    EXPECT_THAT(Of(trained), ElementsAre(moved, moved)) << round;
  }
}

// With option 2 what plain steps came to is read off with the round's rate.
TEST(LocalRule, ScaffoldReadsItsVariateOffWithTheRateOfTheRound) {
  job::JobSpec spec = LinearJob({.kind = StrategyKind::kScaffold, .option = 2});
  spec.rounds = 2;
  spec.train.schedule.warmup_rounds = 1;  // half of the rate in round 1
  ASSERT_OK_AND_ASSIGN(const Contribution trained, TrainOneRow(spec));
  EXPECT_THAT(Of(trained), ElementsAre(0.25f, 0.25f));
  EXPECT_THAT(trained.next_own, ElementsAre(-1, -1));
}

// F = 1/2, q = 2: F^q = 1/4; h / L = 2 * 1/2 * |(.5, .5)|^2 / .5 + 1/4 = 1.25.
TEST(LocalRule, QFedAvgWeighsByThePowerOfTheLoss) {
  const job::JobSpec spec = LinearJob({.kind = StrategyKind::kQFedAvg, .q = 2});
  ASSERT_OK_AND_ASSIGN(const Contribution trained, TrainOneRow(spec));
  EXPECT_FLOAT_EQ(Of(trained)[0], 0.125f);
  EXPECT_FLOAT_EQ(Of(trained)[1], 0.125f);
  EXPECT_NEAR(Scalar(trained, "qfedavg.h_over_l"), 1.25, 1e-8);
}

// h_k = (.5, 0): the first step goes by (-1.5, -1).
TEST(LocalRule, FedDynMovesByWhatItRemembers) {
  const job::JobSpec spec = LinearJob({.kind = StrategyKind::kFedDyn, .alpha = 1});
  ASSERT_OK_AND_ASSIGN(const Contribution trained, TrainOneRow(spec, {0.5f, 0}));
  EXPECT_THAT(Of(trained), ElementsAre(0.75f, 0.5f));
  EXPECT_THAT(trained.next_own, ElementsAre(-0.25f, -0.5f));
}

TEST(LocalRule, AVectorOfAnotherModelIsRefused) {
  EXPECT_THAT(TrainOneRow(LinearJob({.kind = StrategyKind::kScaffold}), {1, 2, 3}),
              HasCode(ErrorCode::kModelMismatch));
}

TEST(LocalRule, ALossWhosePowerIsNoNumberIsNamed) {
  job::JobSpec spec = LinearJob({.kind = StrategyKind::kQFedAvg, .q = 100});
  wire::StatePart state = std::move(testing::FirstStateOf(spec, nullptr).value().broadcast);
  const SiteTask task{wire::Workload::kTrain, RoundNumber(1), SiteId("a")};
  EXPECT_THAT(RunSiteHalf(spec, task, state, Rows({0}, {40}), nullptr),
              HasCode(ErrorCode::kTrainingDiverged));
}

// Two unlike sites: with many local steps the mean of their models is far from the best model for
// all rows, (-1/7, 6/7); for both sites alike that is (-2/9, 8/9).
std::pair<float, float> EndOf(const job::StrategySpec& strategy, uint32_t rounds,
                              const consilium::testing::RunOptions& options = {}) {
  job::JobSpec spec = LinearJob(strategy, 20);
  // What keeps 20 steps of SCAFFOLD stable is smaller (Karimireddy et al. 2020, theorem III).
  spec.train.learning_rate = strategy.kind == StrategyKind::kScaffold ? 0.005f : 0.05f;
  spec.rounds = rounds;
  const auto result =
      consilium::testing::RunJob(spec, {Rows({0, 1}, {0, 2}), Rows({3}, {0})}, options);
  EXPECT_TRUE(result.ok()) << result.status();
  const tensor::Bundle& state = result.value().state.broadcast.tensors;
  return {state.Float32(0)[0], state.Float32(1)[0]};
}

TEST(UnlikeSites, FedAvgDoesNotEndInTheBestModelForAll) {
  const auto [w, b] = EndOf({}, 500);
  EXPECT_GT(std::abs(w + 1.0 / 7) + std::abs(b - 6.0 / 7), 0.05);
}

TEST(UnlikeSites, ScaffoldEndsInTheBestModelForAllRows) {
  for (const uint32_t option : {1u, 2u}) {
    const auto [w, b] = EndOf({.kind = StrategyKind::kScaffold, .option = option}, 1500);
    EXPECT_NEAR(w, -1.0 / 7, 1e-4) << option;
    EXPECT_NEAR(b, 6.0 / 7, 1e-4) << option;
  }
}

TEST(UnlikeSites, FedDynEndsInTheBestModelForAllSites) {
  const auto [w, b] = EndOf({.kind = StrategyKind::kFedDyn, .alpha = 1}, 1500);
  EXPECT_NEAR(w, -2.0 / 9, 1e-4);
  EXPECT_NEAR(b, 8.0 / 9, 1e-4);
}

// One site a round, in turn: each moves the server's memory by a half.
TEST(UnlikeSites, TheyGetThereWithAPartOfTheSitesInEachRound) {
  consilium::testing::RunOptions in_turn;
  in_turn.takes_part = [](RoundNumber round, size_t k) { return round.value() % 2 == k; };
  const auto [w, b] =
      EndOf({.kind = StrategyKind::kFedDyn, .alpha = 1, .population = 2}, 6000, in_turn);
  EXPECT_NEAR(w, -2.0 / 9, 1e-3);
  EXPECT_NEAR(b, 8.0 / 9, 1e-3);
}

}  // namespace
}  // namespace consilium::client::train
