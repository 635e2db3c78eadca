// The optimizers against their papers' formulas, penalties and clipping against closed solutions.
#include "client/train/local_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "tests/client/train/tiny_federation.h"

namespace consilium::client::train {
namespace {

using job::OptimizerKind;
using job::OptimizerSpec;
using ::testing::ElementsAre;
using ::testing::FloatNear;

// Two weights and a bias.
const std::vector<learn::FlatRange> kTwoWeights = {{0, 2}};

job::TrainSpec TrainBy(const OptimizerSpec& optimizer, float rate) {
  job::TrainSpec train;
  train.learning_rate = rate;
  train.optimizer = optimizer;
  return train;
}

// `steps` steps down the gradient a (w - centre) of every element, from `w`.
std::vector<float> Descend(const OptimizerSpec& optimizer, float rate, int steps, double a,
                           double centre, std::vector<float> w) {
  LocalStep local(TrainBy(optimizer, rate), kTwoWeights, w.size());
  std::vector<float> g(w.size());
  for (int step = 1; step <= steps; ++step) {
    for (size_t i = 0; i < w.size(); ++i) g[i] = static_cast<float>(a * (w[i] - centre));
    local.Shape(w, g);
    local.Move(static_cast<uint64_t>(step), w, g);
  }
  return w;
}

TEST(LocalStep, OnlySgdWithoutAnythingIsPlain) {
  const auto plain = [](const OptimizerSpec& spec) {
    return LocalStep(TrainBy(spec, 1), kTwoWeights, 3).plain();
  };
  EXPECT_TRUE(plain({}));
  EXPECT_FALSE(plain({.kind = OptimizerKind::kMomentum}));
  EXPECT_FALSE(plain({.l1 = 1}));
  EXPECT_FALSE(plain({.l2 = 1}));
  EXPECT_FALSE(plain({.clip_norm = 1}));
}

// v' = r v - l g(w), w' = w + v' (Sutskever et al. 2013, equations 1 and 2).
TEST(LocalStep, MomentumIsThatOfItsPaper) {
  double w = 2, v = 0;
  for (int step = 1; step <= 20; ++step) {
    v = 0.5 * v - 0.25 * (1.5 * (w - 1));
    w += v;
    const auto got = Descend({.kind = OptimizerKind::kMomentum, .momentum = 0.5}, 0.25F, step, 1.5,
                             1, {2, 2, 2});
    for (const float value : got) EXPECT_NEAR(value, w, 1e-6) << step;
  }
}

// v' = r v - l g(w + r v), w' = w + v' (equations 3 and 4); ours stands at w + r v.
TEST(LocalStep, NesterovIsThatOfItsPaperSeenFromThePointAhead) {
  double w = 2, v = 0;
  for (int step = 1; step <= 20; ++step) {
    v = 0.5 * v - 0.25 * (1.5 * (w + 0.5 * v - 1));
    w += v;
    const auto got = Descend({.kind = OptimizerKind::kNesterov, .momentum = 0.5}, 0.25F, step, 1.5,
                             1, {2, 2, 2});
    for (const float value : got) EXPECT_NEAR(value, w + 0.5 * v, 1e-6) << step;
  }
}

// By hand from algorithm 1 of Kingma & Ba 2015: gradients 1, then -2. m = .1, v = .001, so the
// first step is l; then m = -.11, v = .004999, m' = -.11 / .19, v' = .004999 / .001999.
TEST(LocalStep, AdamIsThatOfItsPaper) {
  LocalStep local(TrainBy({.kind = OptimizerKind::kAdam}, 0.1F), kTwoWeights, 1);
  std::vector<float> w = {1};
  local.Move(1, w, std::vector<float>{1});
  EXPECT_NEAR(w[0], 0.9, 1e-7);
  local.Move(2, w, std::vector<float>{-2});
  EXPECT_NEAR(w[0], 0.9 + 0.1 * (0.11 / 0.19) / std::sqrt(0.004999 / 0.001999), 1e-6);
}

TEST(LocalStep, AdamStepsAreAsLongHoweverLongTheGradientIs) {
  for (const double a : {1e-3, 1.0, 1e3}) {
    const auto w = Descend({.kind = OptimizerKind::kAdam}, 0.01F, 1, a, 0, {1, 1, 1});
    EXPECT_NEAR(w[0], 0.99, 1e-5) << a;
  }
}

// Without a gradient weights decay by l times weight_decay a step, the bias stays (Loshchilov &
// Hutter 2019, algorithm 2); of a penalty Adam would take the sign.
TEST(LocalStep, AdamWDecaysWeightsBesideTheGradient) {
  const OptimizerSpec adamw{.kind = OptimizerKind::kAdamW, .weight_decay = 0.5};
  const auto w = Descend(adamw, 0.1F, 3, 0, 0, {1, -2, 4});
  const float left = 0.95F * 0.95F * 0.95F;
  EXPECT_THAT(w, ElementsAre(FloatNear(left, 1e-6F), FloatNear(-2 * left, 1e-6F), 4));
  OptimizerSpec none = adamw;
  none.weight_decay = 0;
  EXPECT_EQ(Descend(none, 0.1F, 9, 1.5, 1, {1, -2, 4}),
            Descend({.kind = OptimizerKind::kAdam}, 0.1F, 9, 1.5, 1, {1, -2, 4}));
}

// min a/2 (w - c)^2 + l2/2 w^2 at a c / (a + l2); the bias has no penalty.
TEST(LocalStep, L2EndsInTheRidgeSolution) {
  for (const auto kind :
       {OptimizerKind::kSgd, OptimizerKind::kMomentum, OptimizerKind::kNesterov}) {
    const auto w =
        Descend({.kind = kind, .momentum = 0.5, .l2 = 0.5}, 0.2F, 300, 1.5, 1, {0, 5, 9});
    EXPECT_THAT(w,
                ElementsAre(FloatNear(0.75F, 1e-6F), FloatNear(0.75F, 1e-6F), FloatNear(1, 1e-6F)));
  }
}

// min (w - c)^2 / 2 + l1 |w| at c moved l1 towards 0, and exactly 0 where |c| <= l1.
TEST(LocalStep, L1WithSgdEndsInTheLassoSolution) {
  const OptimizerSpec lasso{.l1 = 0.25};
  EXPECT_THAT(Descend(lasso, 0.2F, 300, 1, 1, {0, 5, 9}),
              ElementsAre(FloatNear(0.75F, 1e-6F), FloatNear(0.75F, 1e-6F), FloatNear(1, 1e-6F)));
  const auto none = Descend(lasso, 0.2F, 300, 1, -0.2, {3, -5, 9});
  EXPECT_EQ(none[0], 0);
  EXPECT_EQ(none[1], 0);
  EXPECT_NEAR(none[2], -0.2, 1e-6);
}

TEST(LocalStep, L1WithOthersIsItsSubgradient) {
  const LocalStep local(TrainBy({.kind = OptimizerKind::kAdam, .l1 = 0.25}, 1), kTwoWeights, 3);
  std::vector<float> g = {1, 1, 1};
  local.Shape(std::vector<float>{-3, 0, 5}, g);
  EXPECT_THAT(g, ElementsAre(0.75F, 1, 1));
}

TEST(LocalStep, ClippingShortensWhatIsLongerAndNothingElse) {
  const LocalStep local(TrainBy({.clip_norm = 5}, 1), kTwoWeights, 2);
  std::vector<float> g = {6, -8};
  local.Shape(std::vector<float>{0, 0}, g);
  EXPECT_THAT(g, ElementsAre(3, -4));
  const std::vector<float> short_one = {0.1F, -0.7F};
  g = short_one;
  local.Shape(std::vector<float>{0, 0}, g);
  EXPECT_EQ(g, short_one);
}

TEST(LocalStep, ClippingSeesThePenalties) {
  const LocalStep local(TrainBy({.l2 = 2, .clip_norm = 5}, 1), kTwoWeights, 2);
  std::vector<float> g = {0, 0};
  local.Shape(std::vector<float>{3, 4}, g);
  EXPECT_THAT(g, ElementsAre(3, 4));
}

}  // namespace
}  // namespace consilium::client::train
