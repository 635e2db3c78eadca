#include "common/learn/evaluate.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/base/check.h"
#include "common/learn/contribution.h"
#include "common/learn/loss.h"

namespace consilium::learn {
namespace {

constexpr size_t kBlockRows = 256;

// The bin of a score, from the probability of class 1.
size_t BinOf(double score) {
  const double probability = Sigmoid(score);
  return std::min<size_t>(kHistogramBins - 1, static_cast<size_t>(probability * kHistogramBins));
}

void AddToHistogram(double score, bool positive, EvaluationSums& sums) {
  if (std::isnan(score)) return;  // the loss is NaN then, and the caller refuses the whole
  (positive ? sums.histogram_positive : sums.histogram_negative)[BinOf(score)] += 1;
}

void AddOneScore(LossKind loss, double score, double label, EvaluationSums& sums) {
  if (loss == LossKind::kSquared) {
    sums.loss_sum += SquaredLoss(score, label);
    return;
  }
  sums.loss_sum += LogisticLoss(score, label);
  sums.hits += (score > 0) == (label > 0.5) ? 1 : 0;
  AddToHistogram(score, label > 0.5, sums);
}

void AddClassScores(std::span<const float> scores, size_t label, EvaluationSums& sums) {
  sums.loss_sum += SoftmaxLoss(scores, label);
  const auto largest = std::max_element(scores.begin(), scores.end()) - scores.begin();
  sums.hits += static_cast<size_t>(largest) == label ? 1 : 0;
  if (scores.size() == 2) {
    AddToHistogram(static_cast<double>(scores[1]) - static_cast<double>(scores[0]), label == 1,
                   sums);
  }
}

EvaluationSums EmptySums(const ModelShape& shape) {
  EvaluationSums sums;
  if (shape.classes() == 2) {
    sums.histogram_negative.resize(kHistogramBins);
    sums.histogram_positive.resize(kHistogramBins);
  }
  return sums;
}

void AddScores(const ModelShape& shape, std::span<const float> scores,
               std::span<const float> labels, EvaluationSums& sums) {
  const size_t outputs = shape.outputs;
  CN_CHECK(scores.size() == labels.size() * outputs);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (shape.loss == LossKind::kSoftmax) {
      AddClassScores(scores.subspan(i * outputs, outputs), static_cast<size_t>(labels[i]), sums);
    } else {
      AddOneScore(shape.loss, scores[i], labels[i], sums);
    }
  }
  sums.rows += static_cast<double>(labels.size());
}

// Calls visit(tensor name without its prefix, values of the sums) for each tensor.
template <typename Sums, typename Visit>
void ForEachTensor(Sums& sums, Visit visit) {
  visit("rows", std::span(&sums.rows, 1));
  visit("loss_sum", std::span(&sums.loss_sum, 1));
  visit("hits", std::span(&sums.hits, 1));
  visit("histogram_negative", std::span(sums.histogram_negative));
  visit("histogram_positive", std::span(sums.histogram_positive));
}

}  // namespace

void ScoreRows(Model& model, const ModelShape& shape, std::span<const float> parameters,
               std::span<const float> x, std::span<float> scores) {
  const size_t rows = scores.size() / shape.outputs;
  for (size_t first = 0; first < rows; first += kBlockRows) {
    const size_t count = std::min(kBlockRows, rows - first);
    model.Scores(parameters, x.subspan(first * shape.inputs, count * shape.inputs),
                 scores.subspan(first * shape.outputs, count * shape.outputs));
  }
}

EvaluationSums Evaluate(Model& model, const ModelShape& shape, std::span<const float> parameters,
                        const Batch<float>& rows, const std::function<bool()>& go_on) {
  EvaluationSums sums = EmptySums(shape);
  AlignedVector<float> scores(std::min(kBlockRows, rows.y.size()) * shape.outputs);
  for (size_t first = 0; first < rows.y.size(); first += kBlockRows) {
    const size_t count = std::min(kBlockRows, rows.y.size() - first);
    const std::span<float> block(scores.data(), count * shape.outputs);
    model.Scores(parameters, rows.x.subspan(first * shape.inputs, count * shape.inputs), block);
    AddScores(shape, block, rows.y.subspan(first, count), sums);
    if (go_on && !go_on()) break;
  }
  return sums;
}

EvaluationSums SumScores(const ModelShape& shape, std::span<const float> scores,
                         std::span<const float> labels) {
  EvaluationSums sums = EmptySums(shape);
  AddScores(shape, scores, labels, sums);
  return sums;
}

void WriteSums(const EvaluationSums& sums, std::string_view prefix, tensor::Bundle& values) {
  ForEachTensor(sums, [&](const char* name, std::span<const double> from) {
    const auto tensor = values.layout().Find(std::string(prefix) + name);
    if (!tensor) return;
    const std::span<double> to = values.Float64(*tensor);
    CN_CHECK(to.size() == from.size());
    std::copy(from.begin(), from.end(), to.begin());
  });
}

std::optional<EvaluationSums> ReadSums(const ModelShape& shape, std::string_view prefix,
                                       const tensor::Bundle& values) {
  EvaluationSums sums = EmptySums(shape);
  ForEachTensor(sums, [&](const char* name, std::span<double> to) {
    const auto tensor = values.layout().Find(std::string(prefix) + name);
    if (!tensor) return;
    const std::span<const double> from = values.Float64(*tensor);
    if (to.size() == from.size()) std::copy(from.begin(), from.end(), to.begin());
  });
  if (!(sums.rows > 0)) return std::nullopt;
  return sums;
}

SplitMetrics MetricsOf(const ModelShape& shape, const EvaluationSums& sums) {
  SplitMetrics metrics;
  metrics.rows = static_cast<uint64_t>(sums.rows);
  metrics.loss = sums.loss_sum / sums.rows;
  if (shape.classes() >= 2) metrics.accuracy = sums.hits / sums.rows;
  if (shape.classes() == 2) metrics.auc = AucOf(sums.histogram_negative, sums.histogram_positive);
  return metrics;
}

std::optional<double> AucOf(std::span<const double> negatives, std::span<const double> positives) {
  CN_CHECK(negatives.size() == positives.size());
  double below = 0;
  double all_positives = 0;
  double area = 0;
  for (size_t bin = 0; bin < negatives.size(); ++bin) {
    area += positives[bin] * (below + 0.5 * negatives[bin]);
    below += negatives[bin];
    all_positives += positives[bin];
  }
  if (!(below > 0) || !(all_positives > 0)) return std::nullopt;
  return area / (below * all_positives);
}

}  // namespace consilium::learn
