#include "common/learn/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/base/random.h"
#include "common/learn/contribution.h"
#include "common/learn/loss.h"

namespace consilium::learn {
namespace {

ModelShape Binary() {
  ModelShape shape;
  shape.inputs = 1;
  return shape;
}

ModelShape Classes(uint32_t classes) {
  ModelShape shape;
  shape.kind = job::ModelKind::kSoftmax;
  shape.inputs = 1;
  shape.outputs = classes;
  shape.loss = LossKind::kSoftmax;
  return shape;
}

// All pairs, ties one half.
double ExactAuc(std::span<const float> scores, std::span<const float> labels) {
  double wins = 0, pairs = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    for (size_t j = 0; j < scores.size(); ++j) {
      if (labels[i] < 0.5f || labels[j] > 0.5f) continue;
      pairs += 1;
      wins += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

TEST(Evaluate, AucOfHistogramsIsCloseToTheExactOne) {
  Random random(1);
  std::vector<float> scores, labels;
  for (int i = 0; i < 1500; ++i) {
    labels.push_back(static_cast<float>(random.Below(2)));
    scores.push_back(static_cast<float>(random.Normal() + labels.back()));
  }
  const EvaluationSums sums = SumScores(Binary(), scores, labels);
  EXPECT_NEAR(MetricsOf(Binary(), sums).auc.value(), ExactAuc(scores, labels), 5e-4);
}

TEST(Evaluate, TiesWithinABinCountOneHalf) {
  EXPECT_EQ(AucOf(std::vector<double>{2, 0}, std::vector<double>{2, 0}), 0.5);
  EXPECT_EQ(AucOf(std::vector<double>{2, 0}, std::vector<double>{0, 3}), 1.0);
  EXPECT_EQ(AucOf(std::vector<double>{0, 2}, std::vector<double>{3, 0}), 0.0);
  EXPECT_EQ(AucOf(std::vector<double>{0, 0}, std::vector<double>{3, 0}), std::nullopt);
}

TEST(Evaluate, HitIsAScoreAboveZero) {
  const std::vector<float> scores = {1, -1, 0, 0}, labels = {1, 1, 1, 0};
  const EvaluationSums sums = SumScores(Binary(), scores, labels);
  EXPECT_EQ(sums.rows, 4);
  EXPECT_EQ(sums.hits, 2);  // the first and the last
  EXPECT_DOUBLE_EQ(sums.loss_sum, LogisticLoss(1, 1) + LogisticLoss(-1, 1) + 2 * std::log(2.0));
  EXPECT_EQ(sums.histogram_positive[512], 1);  // sigmoid(0)
  EXPECT_EQ(sums.histogram_negative[512], 1);
}

TEST(Evaluate, ScoresFarOutFallIntoTheLastBins) {
  const std::vector<float> scores = {1e30f, -1e30f}, labels = {1, 0};
  const EvaluationSums sums = SumScores(Binary(), scores, labels);
  EXPECT_EQ(sums.histogram_positive[kHistogramBins - 1], 1);
  EXPECT_EQ(sums.histogram_negative[0], 1);
  EXPECT_EQ(sums.loss_sum, 0);
}

TEST(Evaluate, ClassesAreHitByTheLargestScore) {
  const std::vector<float> scores = {0, 2, 1, 5, 5, 1}, labels = {1, 1};
  const EvaluationSums sums = SumScores(Classes(3), scores, labels);
  EXPECT_EQ(sums.hits, 1);  // of equal scores the first counts
  EXPECT_TRUE(sums.histogram_positive.empty());
  EXPECT_FALSE(MetricsOf(Classes(3), sums).auc.has_value());
}

TEST(Evaluate, TwoClassesOfSoftmaxHaveAnAuc) {
  const std::vector<float> scores = {3, 1, 1, 3}, labels = {0, 1};
  EXPECT_EQ(MetricsOf(Classes(2), SumScores(Classes(2), scores, labels)).auc, 1.0);
}

TEST(Evaluate, BlocksChangeNothing) {
  Random random(4);
  AlignedVector<float> x, y;
  for (int i = 0; i < 700; ++i) {  // more than two blocks
    x.push_back(static_cast<float>(random.Normal()));
    y.push_back(static_cast<float>(random.Below(2)));
  }
  const AlignedVector<float> parameters = {0.7f, -0.1f};
  const auto model = MakeModel<float>(Binary());
  const EvaluationSums in_blocks = Evaluate(*model, Binary(), parameters, {x, y});
  AlignedVector<float> scores(700);
  ScoreRows(*model, Binary(), parameters, x, scores);
  const EvaluationSums at_once = SumScores(Binary(), scores, y);
  EXPECT_EQ(in_blocks.loss_sum, at_once.loss_sum);
  EXPECT_EQ(in_blocks.hits, at_once.hits);
  EXPECT_EQ(in_blocks.histogram_positive, at_once.histogram_positive);
}

float LogitOf(double p) { return static_cast<float>(std::log(p / (1 - p))); }

// Probabilities .9, .8, .4, .3 of labels 1, 0, 1, 0.
TEST(Evaluate, MetricsOfProbabilitiesComeOutByHand) {
  const std::vector<float> scores = {LogitOf(0.9), LogitOf(0.8), LogitOf(0.4), LogitOf(0.3)};
  const std::vector<float> labels = {1, 0, 1, 0};
  const SplitMetrics metrics = MetricsOf(Binary(), SumScores(Binary(), scores, labels));
  EXPECT_NEAR(metrics.brier.value(), (0.01 + 0.64 + 0.36 + 0.09) / 4, 1e-6);
  EXPECT_DOUBLE_EQ(metrics.f1.value(), 0.5);  // 1 right of 2 said and 2 there
  // Four bins with one row each.
  EXPECT_NEAR(metrics.calibration_error.value(), (0.1 + 0.8 + 0.6 + 0.3) / 4, 1e-6);
  EXPECT_FALSE(metrics.rmse.has_value());
  EXPECT_FALSE(metrics.c_index.has_value());
}

TEST(Evaluate, RowsOfOneBinAreCalibratedTogether) {
  const std::vector<float> scores(4, LogitOf(0.75)), labels = {1, 1, 1, 0};
  const SplitMetrics metrics = MetricsOf(Binary(), SumScores(Binary(), scores, labels));
  EXPECT_NEAR(metrics.calibration_error.value(), 0, 1e-7);
  EXPECT_NEAR(metrics.brier.value(), (3 * 0.0625 + 0.5625) / 4, 1e-6);
}

// Softmax of (log 6, log 3, log 1) is (.6, .3, .1).
TEST(Evaluate, MetricsOfClassesComeOutByHand) {
  const auto log = [](double x) { return static_cast<float>(std::log(x)); };
  const std::vector<float> scores = {log(6), log(3), log(1), log(6), log(3), log(1)};
  const std::vector<float> labels = {0, 1};
  const SplitMetrics metrics = MetricsOf(Classes(3), SumScores(Classes(3), scores, labels));
  EXPECT_NEAR(metrics.brier.value(), (0.16 + 0.09 + 0.01 + 0.36 + 0.49 + 0.01) / 2, 1e-6);
  // Class 0: 2 / 3; class 1: 0; class 2 is neither said nor there.
  EXPECT_DOUBLE_EQ(metrics.f1.value(), (2.0 / 3 + 0) / 2);
  EXPECT_NEAR(metrics.calibration_error.value(), std::abs(0.5 - 0.6), 1e-6);
}

TEST(Evaluate, ErrorsOfNumbersComeOutByHand) {
  ModelShape shape;
  shape.kind = job::ModelKind::kLinear;
  shape.inputs = 1;
  shape.loss = LossKind::kSquared;
  const std::vector<float> scores = {1, 2, 3}, labels = {2, 2, 1};
  const SplitMetrics metrics = MetricsOf(shape, SumScores(shape, scores, labels));
  EXPECT_DOUBLE_EQ(metrics.mae.value(), 1);
  EXPECT_DOUBLE_EQ(metrics.rmse.value(), std::sqrt(5.0 / 3));
  EXPECT_FALSE(metrics.f1.has_value());
}

// Means 1, 2 and 4 for counts 1, 0 and 8: deviances 0, 4 and 2 (8 log 2 - 4).
TEST(Evaluate, CountsComeOutByHand) {
  ModelShape shape;
  shape.kind = job::ModelKind::kPoisson;
  shape.inputs = 1;
  shape.loss = LossKind::kPoisson;
  const std::vector<float> scores = {0, std::log(2.0F), std::log(4.0F)}, labels = {1, 0, 8};
  const SplitMetrics metrics = MetricsOf(shape, SumScores(shape, scores, labels));
  EXPECT_NEAR(metrics.deviance.value(), (4 + 2 * (8 * std::log(2) - 4)) / 3, 1e-6);
  EXPECT_DOUBLE_EQ(metrics.deviance.value(), 2 * metrics.loss);
  EXPECT_NEAR(metrics.mae.value(), (2 + 4) / 3.0, 1e-6);
  EXPECT_NEAR(metrics.rmse.value(), std::sqrt((4 + 16) / 3.0), 1e-6);
  EXPECT_FALSE(metrics.accuracy.has_value());
}

// Outcomes are not summed row by row: the whole split is one risk set.
TEST(Evaluate, SurvivalIsOfTheWholeSplit) {
  ModelShape shape;
  shape.kind = job::ModelKind::kCox;
  shape.inputs = 1;
  shape.loss = LossKind::kCox;
  AlignedVector<float> x, y;
  Random random(8);
  for (int i = 0; i < 600; ++i) {
    x.push_back(static_cast<float>(random.Normal()));
    y.push_back(static_cast<float>(i % 3 == 0 ? -(i + 1) : i + 1));
  }
  const AlignedVector<float> w = {0.5F};
  const auto model = MakeModel<float>(shape);
  const EvaluationSums sums = Evaluate(*model, shape, w, {x, y});
  AlignedVector<float> gradient(1);
  EXPECT_NEAR(sums.loss_sum / 600, model->LossAndGradient(w, {x, y}, gradient), 1e-6);
  EXPECT_GT(sums.comparable, 100'000);
  EXPECT_NEAR(MetricsOf(shape, sums).c_index.value(), 0.5, 0.1);
}

}  // namespace
}  // namespace consilium::learn
