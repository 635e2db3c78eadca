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

  // Of a train step's report, tensors [0, first_statistic()) go to Step, in order; of others none.
  size_t first_statistic() const {
    return half_.MovesModel() ? half_.scalars() + half_.stepped_tensors() : 0;
  }
  // The next elements of a tensor of the report. kTrainingDiverged, kStorage*.
  absl::Status Step(size_t tensor, uint64_t first, std::span<const double> report);

  // Durable when it returns; at most once, after all of them went to Step or none of them has
  // to. `statistics` are the report's float64 tensors. kSupportTooSmall; kStateCorrupt when the
  // base has changed on disk.
  absl::StatusOr<store::StateStore::Hold> Finish(const tensor::Bundle& statistics);

 private:
  struct Readers {
    store::StatePartReader broadcast;
    store::StatePartReader private_part;
  };
  NextState(Digest base, store::StateStore& states, aggregation::ServerHalf half, Readers readers,
            store::StateWriter writer);
  absl::Status CopyStepped();

  Digest base_;
  store::StateStore* states_;
  aggregation::ServerHalf half_;
  store::StatePartReader reader_;
  store::StatePartReader private_;
  store::StateWriter writer_;
  std::vector<float> block_;
  std::vector<double> own_;
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_NEXT_STATE_H_
