// Rows as the model takes them: float32, standardised, labels checked.
//
// Memory: a float32 copy of the split's design matrix.
#ifndef CONSILIUM_CLIENT_TRAIN_PREPARED_H_
#define CONSILIUM_CLIENT_TRAIN_PREPARED_H_

#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "common/job/job_spec.h"
#include "common/learn/model.h"
#include "common/learn/standardize.h"
#include "common/wire/state_file.h"

namespace consilium::client::train {

struct PreparedSplit {
  learn::AlignedVector<float> x;  // [rows, columns]
  learn::AlignedVector<float> y;
  size_t rows() const { return y.size(); }
  learn::Batch<float> All() const { return {x, y}; }
};

// kModelMismatch when the columns are not the model's. `fill`: what stands for NaN (learn/fill.h).
absl::StatusOr<learn::AlignedVector<float>> PrepareFeatures(const learn::ModelShape& shape,
                                                            const data::Split& split,
                                                            const learn::Scaling* scaling,
                                                            std::span<const float> fill = {});
// kModelMismatch when a label is not 0/1, a class index below the model's classes, a count, or a
// finite value. Outcomes of cox come out as their places among the times of `labels`, with their
// signs.
absl::StatusOr<learn::AlignedVector<float>> PrepareLabels(const learn::ModelShape& shape,
                                                          std::span<const double> labels);
// Both.
absl::StatusOr<PreparedSplit> Prepare(const learn::ModelShape& shape, const data::Split& split,
                                      const learn::Scaling* scaling,
                                      std::span<const float> fill = {});

// How this job standardises at this site; nullopt for "none". kModelMismatch when the state lacks
// federated statistics; kDataTooFewRows when the site has no row of its own to go by.
absl::StatusOr<std::optional<learn::Scaling>> ScalingFor(const job::JobSpec& spec,
                                                         const wire::StatePart& state,
                                                         const data::Split& train);

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_PREPARED_H_
