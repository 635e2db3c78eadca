// Evaluation as sums: what a site adds up over its rows, and the metrics that anybody can compute
// from such sums, of one site or of all.
//
// AUC comes from histograms of sigmoid(score) in 1,024 equal bins, a tie within a bin counting one
// half; it lies within 5e-4 of the exact one.
#ifndef CONSILIUM_COMMON_LEARN_EVALUATE_H_
#define CONSILIUM_COMMON_LEARN_EVALUATE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/learn/model.h"
#include "common/tensor/bundle.h"

namespace consilium::learn {

// Metrics of one split.
struct SplitMetrics {
  uint64_t rows = 0;
  double loss = 0;  // mean; linear: half the mean squared error
  std::optional<double>
      accuracy;               // classification: score > 0, or the largest score (first of equals)
  std::optional<double> auc;  // two classes, both present
};
struct Metrics {
  std::optional<SplitMetrics> train;
  std::optional<SplitMetrics> test;
};

struct EvaluationSums {
  double rows = 0;
  double loss_sum = 0;
  double hits = 0;
  std::vector<double> histogram_negative;  // two classes only: kHistogramBins each
  std::vector<double> histogram_positive;
};

// scores [rows, outputs] of x [rows, inputs], in the same blocks of rows as Evaluate: the same
// bits.
void ScoreRows(Model& model, const ModelShape& shape, std::span<const float> parameters,
               std::span<const float> x, std::span<float> scores);
// Sums over rows. Blocks of rows keep the memory small; `go_on` is asked after each, and ends it
// early where it says false. Loss in double from float32 scores.
EvaluationSums Evaluate(Model& model, const ModelShape& shape, std::span<const float> parameters,
                        const Batch<float>& rows, const std::function<bool()>& go_on = nullptr);
// The same from scores [rows, outputs] that are there already.
EvaluationSums SumScores(const ModelShape& shape, std::span<const float> scores,
                         std::span<const float> labels);

// Writes the sums into tensors `<prefix>rows`, ... REQUIRES: a layout of learn::ContributionLayout.
void WriteSums(const EvaluationSums& sums, std::string_view prefix, tensor::Bundle& values);
// The other way; nullopt when the bundle has none of these tensors, or no rows.
std::optional<EvaluationSums> ReadSums(const ModelShape& shape, std::string_view prefix,
                                       const tensor::Bundle& values);

SplitMetrics MetricsOf(const ModelShape& shape, const EvaluationSums& sums);
// Area under the ROC curve; nullopt when a class is absent.
std::optional<double> AucOf(std::span<const double> negatives, std::span<const double> positives);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_EVALUATE_H_
