#include "common/job/optimizer.h"

#include <cmath>

#include "common/base/check.h"

namespace consilium::job {

const char* NameOf(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::kSgd:
      return "sgd";
    case OptimizerKind::kMomentum:
      return "momentum";
    case OptimizerKind::kNesterov:
      return "nesterov";
    case OptimizerKind::kAdam:
      return "adam";
    case OptimizerKind::kAdamW:
      return "adamw";
  }
  return "unknown";
}

double GradientsIn(const OptimizerSpec& optimizer, uint64_t steps) {
  CN_CHECK(optimizer.kind <= OptimizerKind::kNesterov);
  const auto t = static_cast<double>(steps);
  if (optimizer.kind == OptimizerKind::kSgd) return t;
  const double r = optimizer.momentum;
  const double heavy = (t - r * (1 - std::pow(r, t)) / (1 - r)) / (1 - r);
  return optimizer.kind == OptimizerKind::kMomentum ? heavy : t + r * heavy;
}

}  // namespace consilium::job
