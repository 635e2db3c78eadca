// The state before the first step of a job, in memory.
#ifndef CONSILIUM_TESTS_SUPPORT_FIRST_STATE_H_
#define CONSILIUM_TESTS_SUPPORT_FIRST_STATE_H_

#include "absl/status/statusor.h"
#include "common/base/memory_storage.h"
#include "common/base/status_macros.h"
#include "common/job/job_spec.h"
#include "common/wire/state_file.h"
#include "server/round/next_state.h"

namespace consilium::testing {

// `put`: the state that the job starts from; null when it starts from zeros or a seed.
inline absl::StatusOr<wire::State> FirstStateOf(job::JobSpec spec, const wire::State* put) {
  MemoryStorage storage;
  server::store::StateStore states("states", storage);
  if (put != nullptr) {
    CN_ASSIGN_OR_RETURN(spec.model.start_state, states.Put(*put));
  }
  CN_ASSIGN_OR_RETURN(const auto held, server::round::PutFirstState(spec, states));
  return states.Get(held.digest());
}

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_SUPPORT_FIRST_STATE_H_
