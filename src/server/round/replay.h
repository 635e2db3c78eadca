// Replay: redo the server half of every committed step from what was kept, and compare.
//
// From each step's kept accumulator: its digest must be the journalled one, and stepping the base
// state with it must give the journalled state digest. States that are no longer kept are those
// that the steps before gave; a step whose sum is no longer kept is named, and the next one goes on
// from a state that is. With retain = "updates" the kept updates are folded again first and must
// give that accumulator bit for bit.
#ifndef CONSILIUM_SERVER_ROUND_REPLAY_H_
#define CONSILIUM_SERVER_ROUND_REPLAY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "server/jobs/job_history.h"
#include "server/round/coordinator.h"
#include "server/round/step_commit.h"

namespace consilium::server::round {

// kStateCorrupt when a kept state is damaged. A digest that differs
// is in the answer, not an error. O(steps x model), plus the updates when they are folded again.
absl::StatusOr<std::vector<ReplayedStep>> ReplaySteps(const JobId& job, const job::JobSpec& spec,
                                                      const std::vector<jobs::CommittedStep>& steps,
                                                      const Stores& stores);

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_REPLAY_H_
