#include "common/job/schedule.h"

#include <cmath>
#include <numbers>

namespace consilium::job {
namespace {

// By squaring: products round alike everywhere, which std::pow does not promise.
double Power(double base, uint64_t exponent) {
  double power = 1;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) power *= base;
    base *= base;
  }
  return power;
}

}  // namespace

const char* NameOf(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::kConstant:
      return "constant";
    case ScheduleKind::kStep:
      return "step";
    case ScheduleKind::kCosine:
      return "cosine";
  }
  return "unknown";
}

float LearningRateIn(const ScheduleSpec& schedule, float learning_rate, uint32_t rounds,
                     RoundNumber round) {
  const double rate = learning_rate;
  const uint64_t warmup = schedule.warmup_rounds;
  if (round.value() <= warmup) {
    return static_cast<float>(rate * static_cast<double>(round.value()) /
                              static_cast<double>(warmup + 1));
  }
  const uint64_t past = round.value() - 1 - warmup;
  switch (schedule.kind) {
    case ScheduleKind::kConstant:
      break;
    case ScheduleKind::kStep:
      return static_cast<float>(rate * Power(schedule.decay_factor, past / schedule.decay_every));
    case ScheduleKind::kCosine: {
      const double part = static_cast<double>(past) / static_cast<double>(rounds - warmup);
      const double height = (1 + std::cos(std::numbers::pi * part)) / 2;
      return static_cast<float>(schedule.least_rate + (rate - schedule.least_rate) * height);
    }
  }
  return learning_rate;
}

}  // namespace consilium::job
