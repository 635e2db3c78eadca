#include "common/learn/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "common/base/random.h"
#include "common/learn/loss.h"
#include "tests/support/status_matchers.h"

namespace consilium::learn {
namespace {

using ::consilium::testing::HasCode;

job::JobSpec Job(job::ModelKind kind, uint32_t columns, uint32_t classes) {
  job::JobSpec spec;
  spec.model.kind = kind;
  spec.data.features.resize(columns);
  for (uint32_t c = 0; c < columns; ++c) spec.data.features[c].name = "x" + std::to_string(c);
  spec.data.classes = classes;
  return spec;
}

job::JobSpec Mlp(uint32_t columns, std::vector<uint32_t> hidden, uint32_t classes) {
  job::JobSpec spec = Job(job::ModelKind::kMlp, columns, classes);
  spec.model.hidden = std::move(hidden);
  return spec;
}

job::JobSpec Tanh(job::JobSpec spec) {
  spec.model.activation = job::Activation::kTanh;
  return spec;
}

struct Problem {
  ModelShape shape;
  AlignedVector<double> parameters, x, y;
  Batch<double> batch() const { return {x, y}; }
};

Problem RandomProblem(const job::JobSpec& spec, size_t rows, uint64_t seed) {
  Problem problem;
  problem.shape = ShapeOf(spec).value();
  const size_t count = ParameterCount(ParameterLayout(problem.shape).value());
  Random random(seed);
  for (size_t i = 0; i < count; ++i) problem.parameters.push_back(random.Normal());
  for (size_t i = 0; i < rows * problem.shape.inputs; ++i) problem.x.push_back(random.Normal());
  for (size_t i = 0; i < rows; ++i) {
    const uint32_t classes = problem.shape.classes();
    const bool counts = problem.shape.loss == LossKind::kPoisson;
    problem.y.push_back(counts         ? random.Below(6)
                        : classes == 0 ? random.Normal()
                                       : random.Below(classes));
  }
  return problem;
}

// Every kind and loss, by number.
class Gradients : public ::testing::TestWithParam<size_t> {
 protected:
  static job::JobSpec Spec() {
    const std::vector<job::JobSpec> specs = {Job(job::ModelKind::kLogistic, 5, 2),
                                             Job(job::ModelKind::kLinear, 5, 1),
                                             Job(job::ModelKind::kSoftmax, 4, 3),
                                             Mlp(4, {6, 5}, 3),
                                             Mlp(4, {7}, 2),
                                             Mlp(3, {}, 4),
                                             Tanh(Mlp(4, {6, 5}, 3)),
                                             Tanh(Mlp(4, {7}, 2)),
                                             Job(job::ModelKind::kPoisson, 2, 1)};
    return specs.at(GetParam());
  }
};

// Central differences in double: the error is of order step^2 plus rounding over step.
TEST_P(Gradients, AreThoseOfTheLoss) {
  Problem problem = RandomProblem(Spec(), 17, 3);
  const auto model = MakeModel<double>(problem.shape);
  AlignedVector<double> gradient(problem.parameters.size()), scratch(problem.parameters.size());
  model->LossAndGradient(problem.parameters, problem.batch(), gradient);
  constexpr double kStep = 1e-6;
  for (size_t i = 0; i < gradient.size(); ++i) {
    const double held = problem.parameters[i];
    problem.parameters[i] = held + kStep;
    const double above = model->LossAndGradient(problem.parameters, problem.batch(), scratch);
    problem.parameters[i] = held - kStep;
    const double below = model->LossAndGradient(problem.parameters, problem.batch(), scratch);
    problem.parameters[i] = held;
    EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-7) << "parameter " << i;
  }
}

TEST_P(Gradients, InFloatFollowDouble) {
  const Problem problem = RandomProblem(Spec(), 64, 5);
  AlignedVector<double> wanted(problem.parameters.size());
  const double loss = MakeModel<double>(problem.shape)
                          ->LossAndGradient(problem.parameters, problem.batch(), wanted);
  const auto to_float = [](const AlignedVector<double>& from) {
    return AlignedVector<float>(from.begin(), from.end());
  };
  const auto parameters = to_float(problem.parameters);
  const auto x = to_float(problem.x), y = to_float(problem.y);
  AlignedVector<float> gradient(wanted.size());
  EXPECT_NEAR(MakeModel<float>(problem.shape)->LossAndGradient(parameters, {x, y}, gradient), loss,
              1e-5 * std::abs(loss));
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(gradient[i], wanted[i], 2e-5 * (1 + std::abs(wanted[i])));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Gradients, ::testing::Range<size_t>(0, 9));

// The same units are left out for as long as the step is the same.
TEST(Gradient, WithDropoutIsThatOfTheLossWithTheSameUnits) {
  for (const auto activation : {job::Activation::kRelu, job::Activation::kTanh}) {
    job::JobSpec spec = Mlp(4, {6, 5}, 3);
    spec.model.activation = activation;
    Problem problem = RandomProblem(spec, 17, 3);
    const auto model = MakeModel<double>(problem.shape);
    Dropout dropout(Digest{}, 0.4);
    AlignedVector<double> gradient(problem.parameters.size()), scratch(problem.parameters.size());
    const auto loss = [&](AlignedVector<double>& into) {
      dropout.BeginStep(7);
      return model->LossAndGradient(problem.parameters, problem.batch(), into);
    };
    const double whole = loss(gradient);
    model->SetDropout(&dropout);
    EXPECT_NE(loss(gradient), whole);
    for (size_t i = 0; i < gradient.size(); ++i) {
      constexpr double kStep = 1e-6;
      const double held = problem.parameters[i];
      problem.parameters[i] = held + kStep;
      const double above = loss(scratch);
      problem.parameters[i] = held - kStep;
      const double below = loss(scratch);
      problem.parameters[i] = held;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-7) << "parameter " << i;
    }
    model->SetDropout(nullptr);
    EXPECT_EQ(loss(gradient), whole);
  }
}

TEST(Model, ScoresLeaveNothingOut) {
  const Problem problem = RandomProblem(Mlp(4, {6}, 3), 8, 3);
  const auto model = MakeModel<double>(problem.shape);
  std::vector<double> whole(24), dropping(24);
  model->Scores(problem.parameters, problem.x, whole);
  Dropout dropout(Digest{}, 0.5);
  model->SetDropout(&dropout);
  model->Scores(problem.parameters, problem.x, dropping);
  EXPECT_EQ(whole, dropping);
}

// A class of weight 3 is one whose rows are there three times, but for the number of rows.
TEST(Gradient, WithClassWeightsIsThatOfRowsThatAreThereSoOften) {
  for (job::JobSpec spec : {Job(job::ModelKind::kLogistic, 4, 2), Mlp(4, {5}, 2),
                            Job(job::ModelKind::kSoftmax, 4, 3)}) {
    const Problem plain = RandomProblem(spec, 20, 4);
    Problem often = plain;
    for (size_t i = 0; i < plain.y.size(); ++i) {
      for (int more = 0; more < 2 && plain.y[i] == 1; ++more) {
        often.x.insert(often.x.end(), &plain.x[4 * i], &plain.x[4 * i] + 4);
        often.y.push_back(1);
      }
    }
    spec.train.class_weights.assign(plain.shape.classes(), 1);
    spec.train.class_weights[1] = 3;
    AlignedVector<double> weighted(plain.parameters.size()), wanted(plain.parameters.size());
    const double loss = MakeModel<double>(ShapeOf(spec).value())
                            ->LossAndGradient(plain.parameters, plain.batch(), weighted);
    const double loss_often =
        MakeModel<double>(plain.shape)->LossAndGradient(plain.parameters, often.batch(), wanted);
    const double rows = static_cast<double>(often.y.size()) / 20;
    EXPECT_GT(rows, 1);
    EXPECT_NEAR(loss, loss_often * rows, 1e-12);
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(weighted[i], wanted[i] * rows, 1e-12);
  }
}

TEST(Model, SameInputGivesTheSameBitsTwice) {
  const Problem problem = RandomProblem(Mlp(9, {33, 17}, 5), 31, 11);
  const AlignedVector<float> parameters(problem.parameters.begin(), problem.parameters.end());
  const AlignedVector<float> x(problem.x.begin(), problem.x.end());
  const AlignedVector<float> y(problem.y.begin(), problem.y.end());
  AlignedVector<float> first(parameters.size()), second(parameters.size());
  MakeModel<float>(problem.shape)->LossAndGradient(parameters, {x, y}, first);
  // Buffers elsewhere in memory, and a workspace that a larger batch has stretched before.
  const auto used = MakeModel<float>(problem.shape);
  const Problem larger = RandomProblem(Mlp(9, {33, 17}, 5), 200, 12);
  const AlignedVector<float> larger_x(larger.x.begin(), larger.x.end());
  const AlignedVector<float> larger_y(larger.y.begin(), larger.y.end());
  used->LossAndGradient(parameters, {larger_x, larger_y}, second);
  const AlignedVector<float> moved = x;
  used->LossAndGradient(parameters, {moved, y}, second);
  EXPECT_EQ(first, second);
}

TEST(Model, ParametersAreNamedBiasLast) {
  const auto names = [](const job::JobSpec& spec) {
    std::string text;
    const auto layout = ParameterLayout(ShapeOf(spec).value()).value();
    for (const auto& tensor : layout.tensors()) {
      text += tensor.name + "[";
      for (const uint32_t size : tensor.shape) text += std::to_string(size) + ",";
      text += "] ";
    }
    return text;
  };
  EXPECT_EQ(names(Job(job::ModelKind::kLogistic, 13, 2)), "w[13,] b[1,] ");
  EXPECT_EQ(names(Job(job::ModelKind::kLinear, 13, 1)), "w[13,] b[1,] ");
  EXPECT_EQ(names(Job(job::ModelKind::kSoftmax, 13, 4)), "w[13,4,] b[4,] ");
  EXPECT_EQ(names(Mlp(13, {8}, 3)), "layer0.w[13,8,] layer0.b[8,] layer1.w[8,3,] layer1.b[3,] ");
}

TEST(Model, WeightsArePenalisedAndBiasesNot) {
  const auto ranges = [](const job::JobSpec& spec) {
    std::string text;
    for (const FlatRange& range : WeightRanges(ParameterLayout(ShapeOf(spec).value()).value())) {
      text += std::to_string(range.begin) + "-" + std::to_string(range.end) + " ";
    }
    return text;
  };
  EXPECT_EQ(ranges(Job(job::ModelKind::kLogistic, 13, 2)), "0-13 ");
  EXPECT_EQ(ranges(Job(job::ModelKind::kCox, 13, 1)), "0-13 ");
  EXPECT_EQ(ranges(Job(job::ModelKind::kSoftmax, 13, 4)), "0-52 ");
  EXPECT_EQ(ranges(Mlp(13, {8}, 3)), "0-104 112-136 ");
}

TEST(Model, BinaryMlpHasOneScoreUnlessTheLabelHasLevels) {
  job::JobSpec spec = Mlp(3, {4}, 2);
  EXPECT_EQ(ShapeOf(spec)->outputs, 1u);
  EXPECT_EQ(ShapeOf(spec)->loss, LossKind::kLogistic);
  spec.data.label_levels = {"no", "yes"};
  EXPECT_EQ(ShapeOf(spec)->outputs, 2u);
  EXPECT_EQ(ShapeOf(spec)->loss, LossKind::kSoftmax);
}

TEST(Model, WhatCannotBeBuiltIsRefused) {
  EXPECT_THAT(ShapeOf(Job(job::ModelKind::kLogistic, 0, 2)), HasCode(ErrorCode::kModelMismatch));
  EXPECT_THAT(ShapeOf(Job(job::ModelKind::kSoftmax, 3, 1)), HasCode(ErrorCode::kModelMismatch));
  EXPECT_THAT(ShapeOf(Mlp(3, {0}, 2)), HasCode(ErrorCode::kModelMismatch));
  job::JobSpec weighted = Job(job::ModelKind::kSoftmax, 3, 4);
  weighted.train.class_weights = {1, 2, 3};
  EXPECT_THAT(ShapeOf(weighted), HasCode(ErrorCode::kModelMismatch));
  EXPECT_THAT(ShapeOf(Mlp(3, {1u << 16, 1u << 16}, 2)), HasCode(ErrorCode::kModelMismatch));
  EXPECT_THAT(ShapeOf(Mlp(3, std::vector<uint32_t>(kMaxHiddenLayers + 1, 2), 2)),
              HasCode(ErrorCode::kModelMismatch));
}

TEST(Model, ReadingParametersRefusesAbsentMisshapenAndNotFinite) {
  const auto layout =
      ParameterLayout(ShapeOf(Job(job::ModelKind::kLogistic, 3, 2)).value()).value();
  tensor::Bundle state(layout);
  state.Float32(0)[2] = 4;
  state.Float32(1)[0] = 5;
  EXPECT_EQ(ReadParameters(layout, state).value(), (AlignedVector<float>{0, 0, 4, 5}));
  const auto wider = ParameterLayout(ShapeOf(Job(job::ModelKind::kLogistic, 4, 2)).value()).value();
  EXPECT_THAT(ReadParameters(wider, state), HasCode(ErrorCode::kModelMismatch));
  EXPECT_THAT(ReadParameters(layout, tensor::Bundle()), HasCode(ErrorCode::kModelMismatch));
  state.Float32(0)[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(ReadParameters(layout, state), HasCode(ErrorCode::kModelMismatch));
}

TEST(Loss, IsFiniteAndRightFarOut) {
  EXPECT_EQ(LogisticLoss(1e4, 1), 0);
  EXPECT_EQ(LogisticLoss(1e4, 0), 1e4);
  EXPECT_EQ(LogisticLoss(-1e4, 1), 1e4);
  EXPECT_DOUBLE_EQ(LogisticLoss(0, 1), std::log(2.0));
  EXPECT_EQ(PoissonLoss(0, 1), 0);
  EXPECT_EQ(PoissonLoss(-1e4, 0), 0);
  EXPECT_NEAR(PoissonLoss(std::log(3.0), 3), 0, 1e-15);
  EXPECT_EQ(Sigmoid(1e4), 1);
  EXPECT_EQ(Sigmoid(-1e4), 0);
  const std::vector<double> scores = {1e4, 0, -1e4};
  EXPECT_EQ(SoftmaxLoss<double>(scores, 0), 0);
  EXPECT_EQ(SoftmaxLoss<double>(scores, 2), 2e4);
}

TEST(Model, SoftmaxGradientIsFiniteFarOut) {
  Problem problem = RandomProblem(Job(job::ModelKind::kSoftmax, 4, 3), 8, 1);
  AlignedVector<float> parameters(problem.parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    parameters[i] = static_cast<float>(1e4 * problem.parameters[i]);
  }
  const AlignedVector<float> x(problem.x.begin(), problem.x.end());
  const AlignedVector<float> y(problem.y.begin(), problem.y.end());
  AlignedVector<float> gradient(parameters.size());
  const double loss =
      MakeModel<float>(problem.shape)->LossAndGradient(parameters, {x, y}, gradient);
  EXPECT_TRUE(std::isfinite(loss));
  for (const float value : gradient) EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace consilium::learn
