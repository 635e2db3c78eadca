// The server half of a step on disk: fold the counted updates, step the state, keep the sum.
//
// While the round goes on, FoldSome turns spools into a generation of the sum (store/generation.h)
// whenever there are enough. At its end: sum of the counted durable (sums/<job>/<step>.sum, what
// Replay reads) -> next state durable. Nothing here is journalled: doing it again after a crash or
// a full disk writes the same bytes to the same names.
// A training step of a job with a rule (rule_commit.h) folds nothing before its end.
// The state is stepped while its sum is made: memory is a few blocks and the statistics, not the
// model.
// Thread-safe: no state of its own.
#ifndef CONSILIUM_SERVER_ROUND_STEP_COMMIT_H_
#define CONSILIUM_SERVER_ROUND_STEP_COMMIT_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/storage.h"
#include "common/job/job_spec.h"
#include "server/aggregation/server_half.h"
#include "server/jobs/job_records.h"
#include "server/robust/choice.h"
#include "server/store/state_store.h"
#include "server/store/update_store.h"

namespace consilium::server::round {

// Where a step reads and writes. All outlive what uses them.
struct Stores {
  Storage& storage;
  store::UpdateStore& updates;
  store::StateStore& states;
  std::string sums_folder;
};

struct SteppedState {
  std::shared_ptr<const store::StateStore::Hold> held;  // until it is in the journal
  Digest state;                                         // manifest digest of the next state
  Digest accumulator;                                   // SHA-256 of the kept sum
  uint64_t total_weight = 0;
  aggregation::Metrics metrics;                         // of the base state, over all counted
  std::map<SiteId, aggregation::Metrics> site_metrics;  // train and evaluate steps
  std::vector<jobs::LateUpdateView> late;               // that the step ended
  std::map<SiteId, robust::Remark> remarks;             // what the job's rule made of updates
};

// The width of the quantum follows from how many sites may contribute, and as many late updates.
sum::SumOptions SumOptionsOf(const job::JobSpec& spec, size_t selected);
std::string SumPath(const std::string& sums_folder, const JobId& job, StepNumber step);
// The disk's fault, worth another try: kStorageIo, kStorageFull.
bool IsStorageTrouble(const absl::Status& status);

// Folds what is due of the updates of `counted`; false when nothing was. What per-site metrics
// need is kept with the generation. When it fails nothing is lost.
absl::StatusOr<bool> FoldSome(const job::JobSpec& spec, const jobs::StepOpened& opened,
                              const std::set<SiteId>& counted, const Stores& stores);

// `late` are the updates of older steps that this one ends; those that count are in the sum.
// REQUIRES: what is counted does not change any more. Errors: of the disk (IsStorageTrouble), or of
// the server half (another try would fail again).
absl::StatusOr<SteppedState> CommitStep(const job::JobSpec& spec, const jobs::StepOpened& opened,
                                        const std::vector<SiteId>& counted,
                                        std::vector<jobs::LateUpdateView> late,
                                        const Stores& stores);

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_STEP_COMMIT_H_
