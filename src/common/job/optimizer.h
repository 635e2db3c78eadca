// How a site takes its local steps: the optimizer of [train], and what is added to the gradient.
//
// Plain values; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_OPTIMIZER_H_
#define CONSILIUM_COMMON_JOB_OPTIMIZER_H_

#include <cstdint>

namespace consilium::job {

// Each does more than the one before; strategies say up to which they go (StepDemands).
enum class OptimizerKind { kSgd, kMomentum, kNesterov, kAdam, kAdamW };

const char* NameOf(OptimizerKind kind);

// The formulas: client/train/local_step.h.
struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::kSgd;
  double momentum = 0.9;  // kMomentum, kNesterov
  double beta1 = 0.9;     // kAdam, kAdamW, and the two below
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  // kAdamW
  double l1 = 0;               // penalties of the weights; a bias has none
  double l2 = 0;
  double clip_norm = 0;  // 0: gradients are not clipped
};

// How many gradients `steps` local steps add up to: |a|_1 of Wang et al. 2020 (FedNova), section
// 4.1. sgd: `steps`. momentum r: gradient j of t counts 1 + r + .. + r^(t-j), in all
// (t - r (1 - r^t) / (1 - r)) / (1 - r); nesterov: t and r times that. REQUIRES: one of these.
double GradientsIn(const OptimizerSpec& optimizer, uint64_t steps);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_OPTIMIZER_H_
