// The server half of every workload: (state, aggregate of contributions) -> next state.
//
// It never sees a network, a disk or a certificate. Pure and deterministic: same state and same
// report, same bits (compiled with -ffp-contract=off, one thread). The step is computed in double
// and the broadcast model is stored as float32.
#ifndef CONSILIUM_SERVER_AGGREGATION_SERVER_HALF_H_
#define CONSILIUM_SERVER_AGGREGATION_SERVER_HALF_H_

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/learn/evaluate.h"
#include "common/sum/exact_sum.h"
#include "common/wire/messages.h"
#include "common/wire/state_file.h"

namespace consilium::server::aggregation {

// The state before the first step: the start model, the feature table, the label; `put` is the
// broadcast part of the state the job names when init = "sha256:..".
// kModelMismatch when that one does not fit the job, or the job's model cannot be built;
// kModelSyntax when the feature table is too large for a state.
absl::StatusOr<wire::State> FirstState(const job::JobSpec& spec, const wire::StatePart* put);

// One step. kTrainingDiverged when the next state is not finite. kSupportTooSmall when statistics
// rest on too little.
absl::StatusOr<wire::State> NextState(const job::JobSpec& spec, wire::Workload workload,
                                      const wire::State& state, const sum::SumReport& report);

// Metrics from a contribution (one site) or a report (over all counted sites).
using SplitMetrics = learn::SplitMetrics;
using Metrics = learn::Metrics;
// Of train and evaluate steps; empty for statistics. `values` has the step's contribution layout
// (float64 tensors as sums).
Metrics MetricsOf(const job::JobSpec& spec, wire::Workload workload, const tensor::Bundle& values);

}  // namespace consilium::server::aggregation

#endif  // CONSILIUM_SERVER_AGGREGATION_SERVER_HALF_H_
