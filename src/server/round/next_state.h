// States made in their files, by blocks: the first one of a job, and the next one of a step.
//
// No state is ever whole in memory; what is, is a block and what stands behind the model.
#ifndef CONSILIUM_SERVER_ROUND_NEXT_STATE_H_
#define CONSILIUM_SERVER_ROUND_NEXT_STATE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/wire/messages.h"
#include "server/aggregation/server_half.h"
#include "server/store/state_reader.h"
#include "server/store/state_store.h"
#include "server/store/state_writer.h"

namespace consilium::server::round {

// The state before the first step. kStateNotFound, kModelMismatch, kModelSyntax
// (aggregation/first_state.h), kStateCorrupt, kStorage*.
absl::StatusOr<store::StateStore::Hold> PutFirstState(const job::JobSpec& spec,
                                                      store::StateStore& states);
// Whether that can be done, as far as heads tell: nothing is written.
absl::Status CheckFirstState(const job::JobSpec& spec, const store::StateStore& states);

// The next state of one step. Not thread-safe. What is not finished leaves nothing behind.
class NextState {
 public:
  // `base` is the manifest of the state that the step starts from; `states` outlives this. The
  // errors of aggregation::ServerHalf::Create, kStateNotFound, kStateCorrupt, kStorage*.
  static absl::StatusOr<NextState> Begin(const job::JobSpec& spec, wire::Workload workload,
                                         const Digest& base, store::StateStore& states);

  // The model's tensors stand first in a train step's report: these, in order, go to Step.
  bool MovesModel() const { return half_.MovesModel(); }
  size_t model_tensors() const { return half_.model_tensors(); }
  // The next elements of the model, by their mean deltas. kTrainingDiverged, kStorage*.
  absl::Status Step(size_t tensor, uint64_t first, std::span<const double> deltas);

  // Durable when it returns; at most once, after all of the model went to Step or none of it has
  // to. `statistics` are the report's float64 tensors. kSupportTooSmall; kStateCorrupt when the
  // base has changed on disk.
  absl::StatusOr<store::StateStore::Hold> Finish(const tensor::Bundle& statistics);

 private:
  NextState(Digest base, store::StateStore& states, aggregation::ServerHalf half,
            store::StatePartReader reader, store::StateWriter writer);
  absl::Status CopyModel();
  absl::Status CopyPrivatePart();

  Digest base_;
  store::StateStore* states_;
  aggregation::ServerHalf half_;
  store::StatePartReader reader_;
  store::StateWriter writer_;
  std::vector<float> block_;
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_NEXT_STATE_H_
