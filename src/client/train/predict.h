// Predicting with a model file, offline: scores, probabilities and metrics of rows.
//
// It goes the way of evaluation (the same standardisation in double, the same float32 scores, the
// same sums), so the metrics of the hold-out rows are those the federation reported.
#ifndef CONSILIUM_CLIENT_TRAIN_PREDICT_H_
#define CONSILIUM_CLIENT_TRAIN_PREDICT_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "client/train/site_statistics.h"
#include "common/learn/evaluate.h"
#include "common/wire/state_file.h"

namespace consilium::client::train {

struct Prediction {
  uint32_t outputs = 1;               // scores per row
  std::vector<float> scores;          // [rows, outputs]
  uint32_t classes = 0;               // 0 = regression: the score is the value, no probabilities
  std::vector<double> probabilities;  // [rows, classes]
  std::optional<learn::SplitMetrics> metrics;  // of the rows with a label; absent without one
  uint64_t rows() const { return scores.size() / outputs; }
};

// `model` as learn::DecodeModel gave it; `rows` in its design columns (learn::SpecOfModel says how
// to load them); a label of NaN is one that is not known. `statistics`: the site's own, used where
// the model says standardize = "site" and refused as kModelNeedsStatistics where it says so and
// they are null. kModelNeedsPersonal: layers of it stay at the sites. kModelMismatch.
absl::StatusOr<Prediction> Predict(const wire::StatePart& model, const data::Split& rows,
                                   const SiteStatistics* statistics);

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_PREDICT_H_
