// Evaluation as sums: what a site adds up over its rows, and the metrics that anybody can compute
// from such sums, of one site or of all.
//
// AUC comes from histograms of sigmoid(score) in 1,024 equal bins, a tie within a bin counting one
// half; it lies within 5e-4 of the exact one. The calibration error is Guo et al. 2017, arXiv
// 1706.04599, equation 3, over 15 equal bins: of the probability of class 1 where there is one
// score, else of the largest probability. F1 is that of class 1 where there is one score, else the
// plain mean over classes. The index of concordance (survival.h) of several sites is over the pairs
// within sites: no site learns of another's rows.
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
  double loss = 0;  // mean; linear, poisson: half the error; cox: over all rows
  std::optional<double>
      accuracy;               // classification: score > 0, or the largest score (first of equals)
  std::optional<double> auc;  // two classes, both present
  std::optional<double> f1 = {};  // classification; 0 / 0 is absent
  std::optional<double> brier =
      {};  // one score: mean (p - y)^2; classes: mean sum over classes of it
  std::optional<double> calibration_error = {};  // classification
  std::optional<double> mae = {};                // linear, poisson
  std::optional<double> rmse = {};               // linear, poisson
  std::optional<double> c_index = {};            // cox, a pair that can be compared
  std::optional<double> deviance = {};           // poisson: mean unit deviance, twice the loss
};
// The metrics behind auc, in the order in which they are written down.
struct NamedMetric {
  const char* name;
  std::optional<double> SplitMetrics::* value;
};
inline constexpr NamedMetric kFurtherMetrics[] = {
    {"f1", &SplitMetrics::f1},
    {"brier", &SplitMetrics::brier},
    {"calibration_error", &SplitMetrics::calibration_error},
    {"mae", &SplitMetrics::mae},
    {"rmse", &SplitMetrics::rmse},
    {"c_index", &SplitMetrics::c_index},
    {"deviance", &SplitMetrics::deviance},
};
// Of a state, and, where the job has [personal], of the sites' own models on the same rows.
struct Metrics {
  std::optional<SplitMetrics> train;
  std::optional<SplitMetrics> test;
  std::optional<SplitMetrics> personal_train = {};
  std::optional<SplitMetrics> personal_test = {};
};

struct EvaluationSums {
  double rows = 0;
  double loss_sum = 0;
  double hits = 0;
  double squared_error = 0;        // classification: of the probabilities; poisson
  double absolute_error = 0;       // linear, poisson: of the mean
  double concordant = 0;           // cox: pairs
  double comparable = 0;           // cox: pairs
  std::vector<double> class_rows;  // classification: per class, one element where it is class 1
  std::vector<double> class_hits;  // of these, the right ones
  std::vector<double> class_said;  // rows that are said to be of it
  std::vector<double> bin_rows;    // classification: kCalibrationBins each
  std::vector<double> bin_hits;
  std::vector<double> bin_chances;         // sum of the probabilities
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
