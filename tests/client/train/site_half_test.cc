#include "client/train/site_half.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "client/train/site_statistics.h"
#include "common/learn/contribution.h"
#include "common/learn/standardize.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/first_state.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::train {
namespace {

using ::consilium::testing::HasCode;
using ::consilium::testing::IsOk;
using ::consilium::testing::LogisticJob;
using ::consilium::testing::StatusIs;
using ::consilium::testing::Synthetic;
using wire::Workload;

constexpr uint32_t kColumns = 3;
constexpr size_t kEvaluationTensors = 12;  // of two classes, of one split

// Takes no statistics to begin: standardise by the site, start from zeros.
job::JobSpec Job() {
  job::JobSpec spec = LogisticJob(kColumns);
  spec.data.standardize = job::Standardize::kSite;
  return spec;
}

SiteTask Task(Workload workload, uint64_t round = 1, const char* site = "a") {
  return {workload, RoundNumber(round), SiteId(site)};
}

wire::StatePart Start(const job::JobSpec& spec) {
  return std::move(testing::FirstStateOf(spec, nullptr).value().broadcast);
}

absl::StatusOr<Contribution> RunTask(const job::JobSpec& spec, const SiteTask& task,
                                     const data::Dataset& dataset,
                                     const Progress& progress = nullptr) {
  return RunSiteHalf(spec, task, Start(spec), dataset, progress);
}

std::vector<std::byte> BytesOf(const Contribution& contribution) {
  const ByteSpan payload = contribution.values.payload();
  return {payload.begin(), payload.end()};
}

TEST(SiteHalf, SameTaskGivesTheSameBitsAtEveryBatchSize) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);
  job::JobSpec spec = Job();
  std::vector<std::byte> before;
  for (uint32_t batch = 0; batch <= dataset.train.rows(); ++batch) {
    spec.train.batch_size = batch;
    ASSERT_OK_AND_ASSIGN(const Contribution first, RunTask(spec, Task(Workload::kTrain), dataset));
    ASSERT_OK_AND_ASSIGN(const Contribution again, RunTask(spec, Task(Workload::kTrain), dataset));
    EXPECT_EQ(BytesOf(first), BytesOf(again));
    if (batch > 1 && batch < dataset.train.rows()) {
      EXPECT_NE(BytesOf(first), before) << batch;
    }
    before = BytesOf(first);
  }
}

TEST(SiteHalf, BatchOfAllRowsIsTheFullBatch) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);
  job::JobSpec spec = Job();
  spec.train.batch_size = 0;
  ASSERT_OK_AND_ASSIGN(const Contribution full, RunTask(spec, Task(Workload::kTrain), dataset));
  spec.train.batch_size = 40;
  ASSERT_OK_AND_ASSIGN(const Contribution all, RunTask(spec, Task(Workload::kTrain), dataset));
  EXPECT_EQ(BytesOf(full), BytesOf(all));
}

TEST(SiteHalf, MiniBatchesFollowRoundAndSite) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);
  job::JobSpec spec = Job();
  spec.train.batch_size = 8;
  const auto bytes = [&](uint64_t round, const char* site) {
    return BytesOf(RunTask(spec, Task(Workload::kTrain, round, site), dataset).value());
  };
  EXPECT_NE(bytes(1, "a"), bytes(2, "a"));
  EXPECT_NE(bytes(1, "a"), bytes(1, "b"));
}

TEST(SiteHalf, StepsGoOnIntoFurtherEpochs) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);
  job::JobSpec spec = Job();
  spec.train.batch_size = 8;  // five batches an epoch
  spec.train.local_epochs = 2;
  ASSERT_OK_AND_ASSIGN(const Contribution epochs, RunTask(spec, Task(Workload::kTrain), dataset));
  spec.train.local_epochs = 0;
  spec.train.local_steps = 10;
  ASSERT_OK_AND_ASSIGN(const Contribution steps, RunTask(spec, Task(Workload::kTrain), dataset));
  EXPECT_EQ(BytesOf(epochs), BytesOf(steps));
}

TEST(SiteHalf, WeightAndSupportAreRows) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);
  for (const Workload workload : {Workload::kMeans, Workload::kTrain, Workload::kEvaluate}) {
    ASSERT_OK_AND_ASSIGN(const Contribution contribution, RunTask(Job(), Task(workload), dataset));
    const auto& tensors = contribution.values.layout().tensors();
    EXPECT_EQ(contribution.weight, 40u);
    ASSERT_EQ(contribution.support.size(), tensors.size());
    for (size_t t = 0; t < tensors.size(); ++t) {
      EXPECT_EQ(contribution.support[t], tensors[t].name.starts_with("eval.test.") ? 10u : 40u)
          << tensors[t].name;
    }
  }
}

// The eval.* tensors of one split, and whether any of them says anything.
struct Said {
  std::vector<uint64_t> support;
  bool anything = false;
};
Said SaidOf(const Contribution& contribution, const std::string& prefix) {
  Said said;
  const auto& tensors = contribution.values.layout().tensors();
  for (size_t t = 0; t < tensors.size(); ++t) {
    if (!tensors[t].name.starts_with(prefix)) continue;
    said.support.push_back(contribution.support[t]);
    for (const double value : contribution.values.Float64(t)) said.anything |= value != 0;
  }
  return said;
}

TEST(SiteHalf, ASplitBelowMinCellTrainsAndIsNotEvaluated) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);  // 40 rows to train, 10 to test
  SiteTask task = Task(Workload::kTrain);
  ASSERT_OK_AND_ASSIGN(const Contribution all, RunTask(Job(), task, dataset));
  task.min_cell = 10;
  ASSERT_OK_AND_ASSIGN(const Contribution enough, RunTask(Job(), task, dataset));
  EXPECT_EQ(BytesOf(enough), BytesOf(all));
  for (const Workload workload : {Workload::kTrain, Workload::kEvaluate}) {
    task.workload = workload;
    task.min_cell = 11;
    ASSERT_OK_AND_ASSIGN(const Contribution without, RunTask(Job(), task, dataset));
    EXPECT_EQ(SaidOf(without, "eval.test.").support, std::vector<uint64_t>(kEvaluationTensors, 0));
    EXPECT_FALSE(SaidOf(without, "eval.test.").anything);
    EXPECT_EQ(SaidOf(without, "eval.train.").support,
              std::vector<uint64_t>(kEvaluationTensors, 40));
    const auto metrics = server::aggregation::MetricsOf(Job(), workload, without.values);
    EXPECT_FALSE(metrics.test.has_value());
    EXPECT_EQ(metrics.train.value().rows, 40u);
    if (workload == Workload::kEvaluate) continue;
    EXPECT_TRUE(std::ranges::equal(without.values.Float32(0), all.values.Float32(0)));
    EXPECT_EQ(without.weight, 40u);
  }
}

// Nothing of rows that stay out decides what happens: not even whether their loss is finite.
TEST(SiteHalf, WhatIsNotEvaluatedCannotFailTheStep) {
  data::Dataset dataset = Synthetic(1, 50, kColumns);
  job::JobSpec spec = Job();
  spec.model.kind = job::ModelKind::kLinear;
  spec.data.classes = 1;
  for (double& label : dataset.test.y) label = 1e39;  // beyond float32: the loss is infinite
  SiteTask task = Task(Workload::kTrain);
  EXPECT_THAT(RunTask(spec, task, dataset), HasCode(ErrorCode::kTrainingDiverged));
  task.min_cell = 11;
  EXPECT_THAT(RunTask(spec, task, dataset), IsOk());
}

TEST(SiteHalf, MeansAreCountsAndSums) {
  data::Dataset dataset;
  dataset.train = {.columns = 2, .x = {1, 10, 2, 20, 4, 30}, .y = {0, 1, 1}};
  ASSERT_OK_AND_ASSIGN(const Contribution contribution,
                       RunTask(LogisticJob(2), Task(Workload::kMeans), dataset));
  EXPECT_EQ(contribution.values.Float64(0)[1], 3);
  EXPECT_EQ(contribution.values.Float64(1)[0], 7);
  EXPECT_EQ(contribution.values.Float64(1)[1], 60);
}

TEST(SiteHalf, AFeatureThatStaysAsItIsGivesNoSum) {
  data::Dataset dataset;
  dataset.train = {.columns = 2, .x = {1, 10, 2, 20, 4, 30}, .y = {0, 1, 1}};
  job::JobSpec spec = LogisticJob(2);
  spec.data.features[1].standardized = false;
  ASSERT_OK_AND_ASSIGN(const Contribution means, RunTask(spec, Task(Workload::kMeans), dataset));
  EXPECT_EQ(means.values.Float64(1)[0], 7);
  EXPECT_EQ(means.values.Float64(1)[1], 0);
  ASSERT_OK_AND_ASSIGN(const SiteStatistics own, SiteStatisticsOf(spec.data, dataset.train));
  EXPECT_DOUBLE_EQ(own.scaling.mean[0], 7.0 / 3);
  EXPECT_EQ(own.scaling.mean[1], 0);
  EXPECT_EQ(own.scaling.scale[1], 1);
}

// One step by hand: w = 0, so every residual is 1/2 - y.
TEST(SiteHalf, OneFullStepIsTheGradientStep) {
  data::Dataset dataset;
  dataset.train = {.columns = 1, .x = {1, 3}, .y = {0, 1}};
  job::JobSpec spec = LogisticJob(1);
  spec.data.standardize = job::Standardize::kNone;
  spec.train.learning_rate = 0.5f;
  spec.train.batch_size = 0;
  spec.train.local_epochs = 1;
  spec.train.local_steps = 0;
  ASSERT_OK_AND_ASSIGN(const Contribution contribution,
                       RunTask(spec, Task(Workload::kTrain), dataset));
  EXPECT_FLOAT_EQ(contribution.values.Float32(0)[0], 0.5f * (3 * 0.5f - 1 * 0.5f) / 2);
  EXPECT_FLOAT_EQ(contribution.values.Float32(1)[0], 0);
  const auto loss = contribution.values.IndexOf("eval.train.loss_sum");
  EXPECT_DOUBLE_EQ(contribution.values.Float64(loss)[0], 2 * std::log(2.0));  // before the step
}

TEST(SiteHalf, NoTrainingRowIsRefusedButEvaluates) {
  data::Dataset dataset = Synthetic(1, 50, kColumns);
  dataset.train = {.columns = kColumns, .x = {}, .y = {}};
  job::JobSpec spec = Job();
  spec.data.standardize = job::Standardize::kNone;
  EXPECT_THAT(RunTask(spec, Task(Workload::kTrain), dataset), HasCode(ErrorCode::kDataTooFewRows));
  EXPECT_THAT(RunTask(spec, Task(Workload::kMeans), dataset), HasCode(ErrorCode::kDataTooFewRows));
  EXPECT_THAT(RunTask(spec, Task(Workload::kEvaluate), dataset), IsOk());
  EXPECT_THAT(RunTask(Job(), Task(Workload::kEvaluate), dataset),
              HasCode(ErrorCode::kDataTooFewRows));
}

// Drawn from job, round and site; what is evaluated is the whole model.
TEST(SiteHalf, DropoutChangesTheTrainingAloneAndIsTheSameTwice) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);
  job::JobSpec spec = Job();
  spec.model.kind = job::ModelKind::kMlp;
  spec.model.hidden = {6};
  spec.model.start = job::StartKind::kSeed;
  ASSERT_OK_AND_ASSIGN(const Contribution whole, RunTask(spec, Task(Workload::kTrain), dataset));
  spec.train.dropout = 0.5;
  ASSERT_OK_AND_ASSIGN(const Contribution first, RunTask(spec, Task(Workload::kTrain), dataset));
  ASSERT_OK_AND_ASSIGN(const Contribution again, RunTask(spec, Task(Workload::kTrain), dataset));
  EXPECT_TRUE(std::ranges::equal(first.values.payload(), again.values.payload()));
  EXPECT_FALSE(std::ranges::equal(first.values.Float32(0), whole.values.Float32(0)));
  const size_t loss = whole.values.IndexOf("eval.train.loss_sum");
  EXPECT_EQ(first.values.Float64(loss)[0], whole.values.Float64(loss)[0]);
}

TEST(SiteHalf, OneClassAndConstantColumnsTrain) {
  data::Dataset dataset = Synthetic(1, 50, kColumns);
  std::fill(dataset.train.y.begin(), dataset.train.y.end(), 1.0);
  for (size_t i = 0; i < dataset.train.x.size(); i += kColumns) dataset.train.x[i] = 0;
  ASSERT_OK_AND_ASSIGN(const Contribution contribution,
                       RunTask(Job(), Task(Workload::kTrain), dataset));
  EXPECT_EQ(contribution.values.Float32(0)[0], 0);  // the constant column moves nothing
  const auto metrics = server::aggregation::MetricsOf(Job(), Workload::kTrain, contribution.values);
  EXPECT_FALSE(metrics.train.value().auc.has_value());
}

TEST(SiteHalf, DivergenceNamesTheTensor) {
  data::Dataset dataset = Synthetic(1, 50, kColumns);
  for (double& value : dataset.train.x) value *= 1e30;
  job::JobSpec spec = Job();
  spec.data.standardize = job::Standardize::kNone;
  spec.model.kind = job::ModelKind::kLinear;
  spec.data.classes = 1;
  const auto contribution = RunTask(spec, Task(Workload::kTrain), dataset);
  EXPECT_THAT(contribution, HasCode(ErrorCode::kTrainingDiverged));
  EXPECT_NE(contribution.status().message().find("w[0]"), std::string::npos)
      << contribution.status();
}

TEST(SiteHalf, ChangeBeyondTheBoundHasDiverged) {
  data::Dataset dataset = Synthetic(1, 50, kColumns);
  for (double& value : dataset.train.x) value *= 1e5;
  job::JobSpec spec = Job();
  spec.data.standardize = job::Standardize::kNone;
  EXPECT_THAT(RunTask(spec, Task(Workload::kTrain), dataset),
              HasCode(ErrorCode::kTrainingDiverged));
}

TEST(SiteHalf, ProgressCountsToTheEndAndCanStop) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);
  job::JobSpec spec = Job();
  spec.train.batch_size = 1;
  std::vector<uint64_t> done;
  const Progress watch = [&](uint64_t so_far, uint64_t total) {
    EXPECT_EQ(total, 40u);
    done.push_back(so_far);
    return true;
  };
  EXPECT_THAT(RunTask(spec, Task(Workload::kTrain), dataset, watch), IsOk());
  EXPECT_EQ(done.front(), 0u);
  EXPECT_EQ(done.back(), 40u);
  const Progress stop = [](uint64_t, uint64_t) { return false; };
  EXPECT_THAT(RunTask(spec, Task(Workload::kTrain), dataset, stop),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(SiteHalf, EvaluationOfManyRowsSaysThatItIsAliveAndCanStop) {
  const data::Dataset dataset = Synthetic(1, 5000, kColumns);
  int looks = 0;
  const Progress watch = [&](uint64_t, uint64_t) { return ++looks > 0; };
  EXPECT_THAT(RunTask(Job(), Task(Workload::kEvaluate), dataset, watch), IsOk());
  EXPECT_GE(looks, 5000 / 256);
  looks = 0;
  const Progress stop = [&](uint64_t, uint64_t) { return ++looks < 3; };
  EXPECT_THAT(RunTask(Job(), Task(Workload::kEvaluate), dataset, stop),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(looks, 3);
}

TEST(SiteHalf, StateOfAnotherJobIsRefused) {
  const data::Dataset dataset = Synthetic(1, 50, kColumns);
  job::JobSpec other = Job();
  other.data.features[0].name = "weight";
  EXPECT_THAT(RunSiteHalf(Job(), Task(Workload::kTrain), Start(other), dataset, nullptr),
              HasCode(ErrorCode::kModelMismatch));
  EXPECT_THAT(RunTask(LogisticJob(kColumns), Task(Workload::kTrain), dataset),
              HasCode(ErrorCode::kModelMismatch));  // federated, and no statistics yet
  EXPECT_THAT(RunTask(LogisticJob(kColumns), Task(Workload::kVariances), dataset),
              HasCode(ErrorCode::kModelMismatch));
}

TEST(SiteHalf, DataOfAnotherShapeOrLabelIsRefused) {
  data::Dataset dataset = Synthetic(1, 50, kColumns + 1);
  for (const Workload workload : {Workload::kMeans, Workload::kTrain}) {
    EXPECT_THAT(RunTask(Job(), Task(workload), dataset), HasCode(ErrorCode::kModelMismatch));
  }
  for (const double label : {2.0, -1.0, 0.5, std::nan("")}) {
    dataset = Synthetic(1, 50, kColumns);
    dataset.train.y[3] = label;
    EXPECT_THAT(RunTask(Job(), Task(Workload::kTrain), dataset),
                HasCode(ErrorCode::kModelMismatch));
  }
}

// Seven of ten rows have the second value: fewer than min_cell, so none of them leaves.
TEST(SiteHalf, AColumnWithFewValuesStaysOutOfTheStatistics) {
  data::Dataset dataset;
  dataset.train.columns = kColumns;
  for (int row = 0; row < 10; ++row) {
    const double second = row < 7 ? 5 : std::nan("");
    dataset.train.x.insert(dataset.train.x.end(), {1, second, 2});
    dataset.train.y.push_back(row % 2);
  }
  SiteTask task = Task(Workload::kMeans);
  task.min_cell = 7;
  ASSERT_OK_AND_ASSIGN(const Contribution enough, RunTask(Job(), task, dataset));
  EXPECT_EQ(enough.values.Float64(0)[1], 7);
  EXPECT_EQ(enough.values.Float64(1)[1], 35);
  EXPECT_EQ(enough.support, (std::vector<uint64_t>{7, 7}));
  task.min_cell = 8;
  ASSERT_OK_AND_ASSIGN(const Contribution few, RunTask(Job(), task, dataset));
  EXPECT_EQ(few.values.Float64(0)[0], 10);
  EXPECT_EQ(few.values.Float64(0)[1], 0);
  EXPECT_EQ(few.values.Float64(1)[1], 0);
  EXPECT_EQ(few.support, (std::vector<uint64_t>{10, 10}));
}

// Two sites with holes: the fill is the mean over all values that there are, at both.
TEST(SiteHalf, HolesAreFilledWithTheFederatedMean) {
  job::JobSpec spec = LogisticJob(1);
  spec.data.features[0].missing = job::Missing::kMean;
  spec.rounds = 1;
  const double nan = std::nan("");
  std::vector<data::Dataset> sites(2);
  const std::vector<double> values[] = {{1, nan, 3, 4}, {nan, 8, 9, 11}};
  for (size_t k = 0; k < 2; ++k) {
    sites[k].train.columns = 1;
    sites[k].train.x = values[k];
    sites[k].train.y = {0, 1, 0, 1};
  }
  ASSERT_OK_AND_ASSIGN(const auto result, testing::RunJob(spec, sites));
  const tensor::Bundle& state = result.state.broadcast.tensors;
  EXPECT_DOUBLE_EQ(state.Float64(state.IndexOf(learn::kMeanTensor))[0], 6);
  EXPECT_NEAR(state.Float64(state.IndexOf(learn::kScaleTensor))[0],
              std::sqrt((25 + 9 + 4 + 4 + 9 + 25) / 5.0), 1e-8);
  for (const float w : state.Float32(0)) EXPECT_TRUE(std::isfinite(w));
}

}  // namespace
}  // namespace consilium::client::train
