#include "server/aggregation/server_half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "common/learn/contribution.h"
#include "common/learn/model_file.h"
#include "common/learn/model_text.h"
#include "common/learn/standardize.h"
#include "tests/support/first_state.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::aggregation {
namespace {

using ::consilium::testing::HasCode;
using ::consilium::testing::IsOk;
using wire::Workload;

job::JobSpec Job() {
  job::JobSpec spec;
  spec.data.label = "y";
  spec.data.features.resize(2);
  spec.data.features[0].name = "age";
  spec.data.features[1].name = "chol";
  return spec;
}

// What the exact sum reports: float64 throughout.
sum::SumReport Report(const job::JobSpec& spec, Workload workload) {
  const auto contribution = learn::ContributionLayout(spec, workload).value();
  std::vector<tensor::TensorSpec> tensors = contribution.tensors();
  for (auto& tensor : tensors) {
    tensor.dtype = tensor::DType::kFloat64;
    tensor.weighting = tensor::Weighting::kOne;
  }
  return {tensor::Bundle(tensor::Layout::Create(std::move(tensors)).value()), 0, 0};
}

std::vector<double> Tensor(const wire::State& state, const char* name) {
  const tensor::Bundle& tensors = state.broadcast.tensors;
  const size_t t = tensors.IndexOf(name);
  if (tensors.layout().tensors()[t].dtype == tensor::DType::kFloat64) {
    return {tensors.Float64(t).begin(), tensors.Float64(t).end()};
  }
  return {tensors.Float32(t).begin(), tensors.Float32(t).end()};
}

// 5 rows: ages 1..5, cholesterol always 0.
wire::State StateWithStatistics(const job::JobSpec& spec) {
  wire::State state = testing::FirstStateOf(spec, nullptr).value();
  sum::SumReport means = Report(spec, Workload::kMeans);
  means.values.Float64(0)[0] = means.values.Float64(0)[1] = 5;
  means.values.Float64(1)[0] = 15;
  state = NextState(spec, Workload::kMeans, state, means).value();
  sum::SumReport variances = Report(spec, Workload::kVariances);
  variances.values.Float64(0)[0] = variances.values.Float64(0)[1] = 5;
  variances.values.Float64(1)[0] = 10 / (learn::UnitOf(3) * learn::UnitOf(3));
  return NextState(spec, Workload::kVariances, state, variances).value();
}

TEST(ServerHalf, FirstStateDescribesItself) {
  ASSERT_OK_AND_ASSIGN(const wire::State state, testing::FirstStateOf(Job(), nullptr));
  EXPECT_THAT(learn::CheckModel(state.broadcast), IsOk());
  EXPECT_EQ(Tensor(state, "w"), (std::vector<double>{0, 0}));
  EXPECT_EQ(state.private_part.tensors.layout().size(), 0u);
}

TEST(ServerHalf, StatisticsPassesGiveMeansAndScales) {
  const wire::State state = StateWithStatistics(Job());
  EXPECT_EQ(Tensor(state, learn::kMeanTensor), (std::vector<double>{3, 0}));
  EXPECT_EQ(Tensor(state, learn::kScaleTensor), (std::vector<double>{std::sqrt(2.5) + 1e-9, 1}));
  EXPECT_THAT(learn::CheckModel(state.broadcast), IsOk());
}

// The report as an old or a hostile site would send it: with figures for both columns.
TEST(ServerHalf, AFeatureThatStaysAsItIsHasMeanZeroAndScaleOne) {
  job::JobSpec spec = Job();
  spec.data.features[0].standardized = false;
  const wire::State state = StateWithStatistics(spec);
  EXPECT_EQ(Tensor(state, learn::kMeanTensor), (std::vector<double>{0, 0}));
  EXPECT_EQ(Tensor(state, learn::kScaleTensor), (std::vector<double>{1, 1}));
  ASSERT_OK_AND_ASSIGN(const job::JobSpec read, learn::SpecOfModel(state.broadcast));
  EXPECT_FALSE(read.data.features[0].standardized);
  EXPECT_TRUE(read.data.features[1].standardized);
}

TEST(ServerHalf, StatisticsOfFewerThanTwoRowsAreRefused) {
  const wire::State state = testing::FirstStateOf(Job(), nullptr).value();
  sum::SumReport report = Report(Job(), Workload::kMeans);
  report.values.Float64(0)[0] = 2;
  report.values.Float64(0)[1] = 1;
  EXPECT_THAT(NextState(Job(), Workload::kMeans, state, report),
              HasCode(ErrorCode::kSupportTooSmall));
}

TEST(ServerHalf, TrainingAddsTheMeanDeltaAndKeepsTheStatistics) {
  const wire::State state = StateWithStatistics(Job());
  sum::SumReport report = Report(Job(), Workload::kTrain);
  report.values.Float64(0)[1] = 0.25;
  report.values.Float64(1)[0] = -0.5;
  ASSERT_OK_AND_ASSIGN(const wire::State once, NextState(Job(), Workload::kTrain, state, report));
  ASSERT_OK_AND_ASSIGN(const wire::State twice, NextState(Job(), Workload::kTrain, once, report));
  EXPECT_EQ(Tensor(twice, "w"), (std::vector<double>{0, 0.5}));
  EXPECT_EQ(Tensor(twice, "b"), (std::vector<double>{-1}));
  EXPECT_EQ(Tensor(twice, learn::kMeanTensor), Tensor(state, learn::kMeanTensor));
  EXPECT_EQ(Tensor(twice, learn::kScaleTensor), Tensor(state, learn::kScaleTensor));
}

TEST(ServerHalf, StepIsInDoubleAndStoredAsFloat) {
  job::JobSpec spec = Job();
  wire::State state = testing::FirstStateOf(spec, nullptr).value();
  state.broadcast.tensors.Float32(0)[0] = 1;
  sum::SumReport report = Report(spec, Workload::kTrain);
  report.values.Float64(0)[0] = 0x1p-24 + 0x1p-40;  // as a float it would be lost to rounding
  ASSERT_OK_AND_ASSIGN(const wire::State next, NextState(spec, Workload::kTrain, state, report));
  EXPECT_EQ(Tensor(next, "w")[0], 1 + 0x1p-23);
}

TEST(ServerHalf, EvaluationLeavesTheStateAsItIs) {
  const wire::State state = StateWithStatistics(Job());
  ASSERT_OK_AND_ASSIGN(const wire::State next, NextState(Job(), Workload::kEvaluate, state,
                                                         Report(Job(), Workload::kEvaluate)));
  EXPECT_EQ(wire::EncodeStatePart(next.broadcast), wire::EncodeStatePart(state.broadcast));
  EXPECT_EQ(wire::EncodeStatePart(next.private_part), wire::EncodeStatePart(state.private_part));
}

TEST(ServerHalf, NotFiniteNextModelIsNamed) {
  const wire::State state = testing::FirstStateOf(Job(), nullptr).value();
  sum::SumReport report = Report(Job(), Workload::kTrain);
  report.values.Float64(0)[1] = 1e300;
  const auto next = NextState(Job(), Workload::kTrain, state, report);
  EXPECT_THAT(next, HasCode(ErrorCode::kTrainingDiverged));
  EXPECT_NE(next.status().message().find("w[1]"), std::string::npos);
}

TEST(ServerHalf, ReportOfAnotherJobIsRefused) {
  job::JobSpec wider = Job();
  wider.data.features.push_back(wider.data.features[0]);
  const wire::State state = StateWithStatistics(Job());
  for (const Workload workload : {Workload::kMeans, Workload::kVariances, Workload::kTrain}) {
    EXPECT_THAT(NextState(Job(), workload, state, Report(wider, workload)),
                HasCode(ErrorCode::kModelMismatch));
  }
}

TEST(ServerHalf, StartsFromAPutModelThatFits) {
  job::JobSpec spec = Job();
  wire::State put = StateWithStatistics(spec);
  put.broadcast.tensors.Float32(0)[1] = 7;
  spec.model.start = job::StartKind::kState;
  ASSERT_OK_AND_ASSIGN(const wire::State state, testing::FirstStateOf(spec, &put));
  EXPECT_EQ(Tensor(state, "w"), (std::vector<double>{0, 7}));
  EXPECT_FALSE(state.broadcast.tensors.layout().Find(learn::kMeanTensor).has_value());
  EXPECT_THAT(testing::FirstStateOf(spec, nullptr), HasCode(ErrorCode::kStateNotFound));
  spec.data.features[1].name = "weight";
  EXPECT_THAT(testing::FirstStateOf(spec, &put), HasCode(ErrorCode::kModelMismatch));
}

TEST(ServerHalf, PutModelOfAnotherKindIsRefused) {
  job::JobSpec spec = Job();
  const wire::State put = testing::FirstStateOf(spec, nullptr).value();
  spec.model.start = job::StartKind::kState;
  spec.model.kind = job::ModelKind::kMlp;
  spec.model.hidden = {2};
  EXPECT_THAT(testing::FirstStateOf(spec, &put), HasCode(ErrorCode::kModelMismatch));
}

TEST(ServerHalf, MetricsAreSharesOfRows) {
  sum::SumReport report = Report(Job(), Workload::kTrain);
  const auto set = [&](const char* name, size_t i, double value) {
    report.values.Float64(report.values.IndexOf(name))[i] = value;
  };
  set("eval.test.rows", 0, 4);
  set("eval.test.loss_sum", 0, 2);
  set("eval.test.hits", 0, 3);
  set("eval.test.histogram_negative", 10, 2);
  set("eval.test.histogram_positive", 10, 1);
  set("eval.test.histogram_positive", 11, 1);
  const Metrics metrics = MetricsOf(Job(), Workload::kTrain, report.values);
  EXPECT_FALSE(metrics.train.has_value());  // no rows
  ASSERT_TRUE(metrics.test.has_value());
  EXPECT_EQ(metrics.test->rows, 4u);
  EXPECT_EQ(metrics.test->loss, 0.5);
  EXPECT_EQ(metrics.test->accuracy, 0.75);
  EXPECT_EQ(metrics.test->auc, 0.75);
  const Metrics statistics =
      MetricsOf(Job(), Workload::kMeans, Report(Job(), Workload::kMeans).values);
  EXPECT_FALSE(statistics.train.has_value() || statistics.test.has_value());
}

}  // namespace
}  // namespace consilium::server::aggregation
