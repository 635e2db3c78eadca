// Which late updates a training round takes, and which it ends (late = "next_round").
//
// An update that comes after its round closed counts once: in the first round that closes after it
// came, with its weight scaled by its age in rounds (staleness; FedBuff, Nguyen et al. 2022,
// section 5). What could only count beyond the job's table, or after its last round, is dropped by
// name. Pure, but for CloseLate. Thread-safe: no state of its own.
#ifndef CONSILIUM_SERVER_ROUND_LATE_UPDATES_H_
#define CONSILIUM_SERVER_ROUND_LATE_UPDATES_H_

#include <cstdint>
#include <vector>

#include "common/job/job_spec.h"
#include "server/jobs/job_history.h"
#include "server/jobs/job_view.h"
#include "server/store/update_store.h"

namespace consilium::server::round {

// max(1, (min(n, weight_cap) * S[age]) >> 16); S[0] is 65536. REQUIRES: age is in the table.
uint32_t LateWeight(const job::JobSpec& spec, uint32_t weight, uint64_t age);

// What of `late` may not wait for the round after `round` takes no more uploads.
void CloseLate(const job::JobSpec& spec, const jobs::StepOpened& opened,
               const jobs::LateSteps& late, store::UpdateStore& updates);

// Every update of `late` that this round ends, by step and site. `room`: so many may be counted,
// the others wait. REQUIRES: CloseLate.
std::vector<jobs::LateUpdateView> EndedBy(const job::JobSpec& spec, const jobs::StepOpened& opened,
                                          const jobs::LateSteps& late, size_t room,
                                          const store::UpdateStore& updates);

// Those of them that count, for the fold. `bases` says from which state a step started.
store::CarriedUpdates CarriedBy(const JobId& job, const std::vector<jobs::LateUpdateView>& ended,
                                size_t tensors, const std::map<StepNumber, Digest>& bases);

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_LATE_UPDATES_H_
