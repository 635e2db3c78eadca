// What a step's contribution looks like: the layout that both halves of a workload derive from the
// job and never negotiate.
//
//   means       count [d] f64 kCount, sum [d] f64 kSum over complete training rows
//   variances   count [d] f64 kCount, centred_squares [d] f64 kSum: ((x - mean) / unit)^2, with
//               unit a power of two from the mean (standardize.h), so platelets per litre fit too
//   train       what the strategy counts, the model's tensors (deltas y - w, f32 kUpdate), its
//               variates' changes (strategy_layout.h), then the evaluation of the state that the
//               step starts from (below)
//   evaluate    eval.train.* and eval.test.*, then, where the job has [personal], personal.train.*
//               and personal.test.* of the site's own model (personal_layout.h): rows, loss_sum;
//               for a classifier hits, squared_error, class_rows, class_hits and class_said
//               [classes, or 1], bin_rows, bin_hits and bin_chances [15]; for two classes
//               histogram_negative [1024] and histogram_positive [1024] of sigmoid(score); linear
//               absolute_error, poisson squared_error, too; cox concordant and comparable
//               (evaluate.h; f64)
// d = design columns. Everything statistical is float64 with weight 1, bounds 2^kCountBoundLog2 and
// 2^kSumBoundLog2: the exact sum then resolves 2^-62 and 2^-42.
#ifndef CONSILIUM_COMMON_LEARN_CONTRIBUTION_H_
#define CONSILIUM_COMMON_LEARN_CONTRIBUTION_H_

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"

namespace consilium::learn {

inline constexpr std::string_view kGlobalPrefix = "eval.";
inline constexpr uint32_t kHistogramBins = 1024;
inline constexpr uint32_t kCalibrationBins = 15;
inline constexpr int kCountBoundLog2 = 40;
inline constexpr int kSumBoundLog2 = 60;

// kModelMismatch when the job's model cannot be built.
absl::StatusOr<tensor::Layout> ContributionLayout(const job::JobSpec& spec,
                                                  wire::Workload workload);

// A contribution's statistics are [this, size()): what stands behind the model and its variates.
size_t FirstStatistic(const tensor::Layout& contribution);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_CONTRIBUTION_H_
