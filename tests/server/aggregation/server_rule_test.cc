// The server's rules against small examples worked by hand from the papers (job/strategy.cc).
#include "server/aggregation/server_rule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/status_matchers.h"

namespace consilium::server::aggregation {
namespace {

using ::consilium::testing::HasCode;
using ::consilium::testing::IsOk;
using job::StrategyKind;
using job::StrategySpec;

// One element of a model through some steps.
class OneElement {
 public:
  explicit OneElement(const StrategySpec& strategy) : rule_(strategy), own_(rule_.slots()) {
    rule_.FillFirst(own_);
  }
  void Scalars(std::vector<double> values) {
    for (size_t s = 0; s < values.size(); ++s) rule_.TakeScalar(s, values[s]);
  }
  double Step(double d) {
    EXPECT_THAT(rule_.StepModel({.name = "w", .shape = {1}}, 0, std::span(&d, 1),
                                std::span(&weight_, 1), own_),
                IsOk());
    return weight_;
  }
  double Variate(double change) {
    EXPECT_THAT(rule_.StepVariates({.name = "c", .shape = {1}}, 0, std::span(&change, 1),
                                   std::span(&variate_, 1)),
                IsOk());
    return variate_;
  }
  const std::vector<double>& own() const { return own_; }

 private:
  ServerRule rule_;
  std::vector<double> own_;
  float weight_ = 1;
  float variate_ = 0;
};

TEST(ServerRule, TheMeanOfTheModelsIsTakenAsItIs) {
  for (const auto kind : {StrategyKind::kFedAvg, StrategyKind::kFedSgd, StrategyKind::kFedProx}) {
    OneElement element({.kind = kind, .server_learning_rate = 7});
    EXPECT_EQ(element.Step(0.5), 1.5);
    EXPECT_TRUE(element.own().empty());
  }
}

TEST(ServerRule, MomentumGathers) {
  OneElement element({.kind = StrategyKind::kFedAvgM, .server_learning_rate = 2, .beta1 = 0.5});
  EXPECT_EQ(element.Step(1), 3);    // m = 1
  EXPECT_EQ(element.Step(1), 6);    // m = 1.5
  EXPECT_EQ(element.Step(0), 7.5);  // m = 0.75
}

constexpr StrategySpec kAdaptive = {
    .server_learning_rate = 1, .beta1 = 0.5, .beta2 = 0.75, .tau = 0.5, .initial_v = 0.25};

StrategySpec Adaptive(StrategyKind kind) {
  StrategySpec strategy = kAdaptive;
  strategy.kind = kind;
  return strategy;
}

// d = 2, then 0. m = 1, then 0.5, with no correction of the bias; tau is outside the root.
TEST(ServerRule, AdagradAddsTheSquares) {
  OneElement element(Adaptive(StrategyKind::kFedAdagrad));
  EXPECT_FLOAT_EQ(element.Step(2), 1 + 1 / (std::sqrt(4.25) + 0.5));
  EXPECT_EQ(element.own(), (std::vector<double>{1, 4.25}));
  EXPECT_FLOAT_EQ(element.Step(0), 1 + 1.5 / (std::sqrt(4.25) + 0.5));
}

TEST(ServerRule, AdamForgetsTheSquares) {
  OneElement element(Adaptive(StrategyKind::kFedAdam));
  const double v1 = 0.75 * 0.25 + 0.25 * 4;  // 1.1875
  EXPECT_FLOAT_EQ(element.Step(2), 1 + 1 / (std::sqrt(v1) + 0.5));
  EXPECT_EQ(element.own(), (std::vector<double>{1, v1}));
  EXPECT_FLOAT_EQ(element.Step(0),
                  1 + 1 / (std::sqrt(v1) + 0.5) + 0.5 / (std::sqrt(0.75 * v1) + 0.5));
}

TEST(ServerRule, YogiMovesTowardsTheSquareByItsSize) {
  OneElement element(Adaptive(StrategyKind::kFedYogi));
  EXPECT_FLOAT_EQ(element.Step(2), 1 + 1 / (std::sqrt(1.25) + 0.5));  // v = .25 + .25 * 4
  EXPECT_EQ(element.own(), (std::vector<double>{1, 1.25}));
  element.Step(1);  // v = 1.25 - .25 * 1, v being above the square
  EXPECT_EQ(element.own()[1], 1);
  element.Step(1);  // v is the square: it stays
  EXPECT_EQ(element.own()[1], 1);
}

TEST(ServerRule, AFreshSecondMomentOfZeroDoesNotDivideByZero) {
  StrategySpec flamby = Adaptive(StrategyKind::kFedAdam);
  flamby.initial_v = 0;
  flamby.tau = 1e-8;
  OneElement element(flamby);
  EXPECT_EQ(element.Step(0), 1);
}

TEST(ServerRule, VariatesMoveByThePartOfTheSites) {
  OneElement element(
      {.kind = StrategyKind::kScaffold, .server_learning_rate = 0.5, .population = 8});
  element.Scalars({2});  // two of eight
  EXPECT_EQ(element.Step(1), 1.5);
  EXPECT_EQ(element.Variate(4), 1);
  OneElement everybody({.kind = StrategyKind::kScaffold});
  everybody.Scalars({2});
  EXPECT_EQ(everybody.Variate(4), 4);
}

TEST(ServerRule, NormalisedStepsAreScaledByTheMeanOfTheSteps) {
  OneElement element({.kind = StrategyKind::kFedNova});
  element.Scalars({6});
  EXPECT_EQ(element.Step(0.25), 2.5);
}

// Two sites of F^q d = 1 and 3, h / L = 2 and 6: w += 4 / 8.
TEST(ServerRule, FairStepsAreSumsOverSums) {
  OneElement element({.kind = StrategyKind::kQFedAvg});
  element.Scalars({2, 8});
  EXPECT_EQ(element.Step(2), 1.5);  // their plain mean
  OneElement perfect({.kind = StrategyKind::kQFedAvg});
  perfect.Scalars({2, 0});
  EXPECT_EQ(perfect.Step(0), 1);
}

// h = -.5 * (2/4) * 1 = -.25; w = 1 + 1 + .25 / .5.
TEST(ServerRule, DynamicRegularisationRemembersWhereTheSitesWent) {
  OneElement element({.kind = StrategyKind::kFedDyn, .alpha = 0.5, .population = 4});
  element.Scalars({2});
  EXPECT_EQ(element.Step(1), 2.5);
  EXPECT_EQ(element.own(), (std::vector<double>{-0.25}));
  EXPECT_EQ(element.Step(0), 3);  // h stays and goes on pushing
}

TEST(ServerRule, WhatIsNotFiniteIsNamedByItsPlaceInTheTensor) {
  const ServerRule rule({.kind = StrategyKind::kFedAvg});
  std::vector<float> weights = {0, std::numeric_limits<float>::max()};
  const std::vector<double> report = {1, std::numeric_limits<float>::max()};
  const absl::Status status = rule.StepModel({.name = "w", .shape = {9}}, 7, report, weights, {});
  EXPECT_THAT(status, HasCode(ErrorCode::kTrainingDiverged));
  EXPECT_NE(std::string(status.message()).find("w[8]"), std::string::npos) << status;
}

}  // namespace
}  // namespace consilium::server::aggregation
