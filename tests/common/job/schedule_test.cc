#include "common/job/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/job/optimizer.h"

namespace consilium::job {
namespace {

float RateOf(const ScheduleSpec& schedule, uint64_t round, uint32_t rounds = 10) {
  return LearningRateIn(schedule, 0.8F, rounds, RoundNumber(round));
}

TEST(Schedule, ConstantIsTheVeryRate) {
  for (uint64_t round = 1; round <= 10; ++round) EXPECT_EQ(RateOf({}, round), 0.8F);
}

TEST(Schedule, StepFallsEverySoManyRounds) {
  const ScheduleSpec step{.kind = ScheduleKind::kStep, .decay_every = 3, .decay_factor = 0.5};
  const float wanted[] = {0.8F, 0.8F, 0.8F, 0.4F, 0.4F, 0.4F, 0.2F, 0.2F, 0.2F, 0.1F};
  for (uint64_t round = 1; round <= 10; ++round) EXPECT_EQ(RateOf(step, round), wanted[round - 1]);
}

TEST(Schedule, StepEveryRoundIsAnExponential) {
  const ScheduleSpec step{.kind = ScheduleKind::kStep, .decay_every = 1, .decay_factor = 0.9};
  for (uint64_t round = 1; round <= 1000; ++round) {
    EXPECT_NEAR(RateOf(step, round, 1000),
                static_cast<double>(0.8F) * std::pow(0.9, static_cast<double>(round - 1)), 1e-7);
  }
}

// Quarter points of half a cosine: 1, (2 + sqrt 2) / 4, 1/2, (2 - sqrt 2) / 4 above the least.
TEST(Schedule, CosineGoesDownHalfAWave) {
  const ScheduleSpec cosine{.kind = ScheduleKind::kCosine, .least_rate = 0.2};
  const double span = static_cast<double>(0.8F) - 0.2;
  EXPECT_EQ(RateOf(cosine, 1, 4), 0.8F);
  EXPECT_FLOAT_EQ(RateOf(cosine, 2, 4), static_cast<float>(0.2 + span * (2 + std::sqrt(2)) / 4));
  EXPECT_FLOAT_EQ(RateOf(cosine, 3, 4), static_cast<float>(0.2 + span / 2));
  EXPECT_FLOAT_EQ(RateOf(cosine, 4, 4), static_cast<float>(0.2 + span * (2 - std::sqrt(2)) / 4));
}

TEST(Schedule, WarmUpGrowsInEqualParts) {
  for (const auto kind : {ScheduleKind::kConstant, ScheduleKind::kStep, ScheduleKind::kCosine}) {
    const ScheduleSpec schedule{.kind = kind, .decay_every = 2, .warmup_rounds = 3};
    EXPECT_FLOAT_EQ(RateOf(schedule, 1), 0.2F);
    EXPECT_FLOAT_EQ(RateOf(schedule, 2), 0.4F);
    EXPECT_FLOAT_EQ(RateOf(schedule, 3), 0.6F);
    EXPECT_EQ(RateOf(schedule, 4), 0.8F) << "the schedule begins at its start";
  }
}

// The weights of the gradients, added up one by one.
TEST(GradientsIn, AreTheSumOfTheirWeights) {
  for (const uint64_t steps : {1u, 2u, 7u, 40u}) {
    double heavy = 0, ahead = 0, u = 0;
    for (uint64_t step = 0; step < steps; ++step) {
      u = 0.8 * u + 1;
      heavy += u;
      ahead += 1 + 0.8 * u;
    }
    EXPECT_EQ(GradientsIn({}, steps), static_cast<double>(steps));
    OptimizerSpec momentum{.kind = OptimizerKind::kMomentum, .momentum = 0.8};
    EXPECT_NEAR(GradientsIn(momentum, steps), heavy, 1e-9);
    momentum.kind = OptimizerKind::kNesterov;
    EXPECT_NEAR(GradientsIn(momentum, steps), ahead, 1e-9);
    momentum.momentum = 0;
    EXPECT_NEAR(GradientsIn(momentum, steps), static_cast<double>(steps), 1e-9);
  }
}

}  // namespace
}  // namespace consilium::job
