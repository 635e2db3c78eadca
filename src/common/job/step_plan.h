// Which step of a job comes next: statistics passes, train rounds, one evaluation.
//
// Pure. Steps are numbered as they are started (a failed one is not repeated under its number);
// which workload comes next depends only on what was committed.
#ifndef CONSILIUM_COMMON_JOB_STEP_PLAN_H_
#define CONSILIUM_COMMON_JOB_STEP_PLAN_H_

#include <cstdint>
#include <optional>

#include "common/job/job_spec.h"
#include "common/wire/messages.h"

namespace consilium::job {

struct StepKind {
  wire::Workload workload;
  RoundNumber round;  // train: 1..rounds; else 0
  friend bool operator==(const StepKind&, const StepKind&) = default;
};

// Steps that commit over a whole job: 0 or 2 statistics passes, `rounds`, 1 evaluation.
uint32_t CommitsOf(const JobSpec& spec);
// What follows after `commits` committed steps; nullopt when the job is complete.
std::optional<StepKind> StepAfter(const JobSpec& spec, uint32_t commits);

}  // namespace consilium::job

#endif  // CONSILIUM_COMMON_JOB_STEP_PLAN_H_
