// How the learning rate of local steps changes from round to round.
//
// It follows from the job and the round's number alone, so sites, simulator and replay agree; it
// stays the same within a round. With r the round from 1, W `warmup_rounds` and R `rounds`:
//   r <= W     learning_rate r / (W + 1)                       (Goyal et al. 2017, section 2.2)
//   constant   learning_rate
//   step       learning_rate decay_factor^floor((r - 1 - W) / decay_every)
//   cosine     least + (learning_rate - least) (1 + cos(pi (r - 1 - W) / (R - W))) / 2
//              (Loshchilov & Hutter 2017, SGDR, equation 5, without restarts)
// Pure; thread-safe.
#ifndef CONSILIUM_COMMON_JOB_SCHEDULE_H_
#define CONSILIUM_COMMON_JOB_SCHEDULE_H_

#include <cstdint>

#include "common/base/ids.h"

namespace consilium::job {

enum class ScheduleKind { kConstant, kStep, kCosine };

struct ScheduleSpec {
  ScheduleKind kind = ScheduleKind::kConstant;
  uint32_t decay_every = 1;   // kStep: rounds
  double decay_factor = 0.1;  // kStep
  double least_rate = 0;      // kCosine
  uint32_t warmup_rounds = 0;
};

const char* NameOf(ScheduleKind kind);

// Of round 1 to `rounds`. Computed in double and rounded once; `learning_rate` itself where the
// schedule is constant and past its warm-up.
float LearningRateIn(const ScheduleSpec& schedule, float learning_rate, uint32_t rounds,
                     RoundNumber round);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_SCHEDULE_H_
