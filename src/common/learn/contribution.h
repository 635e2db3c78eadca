// What a step's contribution looks like: the layout that both halves of a workload derive from the
// job and never negotiate.
//
//   means       count [d] f64 kCount, sum [d] f64 kSum over complete training rows
//   variances   count [d] f64 kCount, centred_squares [d] f64 kSum
//   train       the model's tensors (deltas y - w), f32 kSamples kUpdate, then the evaluation of the
//               state the step starts from (below)
//   evaluate    eval.train.* and eval.test.*: rows, loss_sum, hits; for two classes
//               histogram_negative [1024] and histogram_positive [1024] of sigmoid(score) (f64)
// d = design columns. Everything statistical is float64 with weight 1.
#ifndef CONSILIUM_COMMON_LEARN_CONTRIBUTION_H_
#define CONSILIUM_COMMON_LEARN_CONTRIBUTION_H_

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"

namespace consilium::learn {

inline constexpr uint32_t kHistogramBins = 1024;

absl::StatusOr<tensor::Layout> ContributionLayout(const job::JobSpec& spec,
                                                  wire::Workload workload);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_CONTRIBUTION_H_
