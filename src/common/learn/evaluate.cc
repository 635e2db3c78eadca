#include "common/learn/evaluate.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "common/base/check.h"
#include "common/learn/contribution.h"
#include "common/learn/loss.h"
#include "common/learn/survival.h"

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

void AddToBin(double chance, bool hit, EvaluationSums& sums) {
  if (std::isnan(chance)) return;
  const auto bin =
      std::min<size_t>(kCalibrationBins - 1, static_cast<size_t>(chance * kCalibrationBins));
  sums.bin_rows[bin] += 1;
  sums.bin_hits[bin] += hit ? 1 : 0;
  sums.bin_chances[bin] += chance;
}

void AddLogit(double score, bool positive, EvaluationSums& sums) {
  sums.loss_sum += LogisticLoss(score, positive ? 1 : 0);
  const bool said = score > 0;
  sums.hits += said == positive ? 1 : 0;
  sums.class_rows[0] += positive ? 1 : 0;
  sums.class_hits[0] += said && positive ? 1 : 0;
  sums.class_said[0] += said ? 1 : 0;
  const double chance = Sigmoid(score);
  sums.squared_error += (chance - positive) * (chance - positive);
  AddToBin(chance, positive, sums);
  AddToHistogram(score, positive, sums);
}

void AddClassScores(std::span<const float> scores, size_t label, EvaluationSums& sums) {
  sums.loss_sum += SoftmaxLoss(scores, label);
  const auto said =
      static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  sums.hits += said == label ? 1 : 0;
  sums.class_rows[label] += 1;
  sums.class_hits[label] += said == label ? 1 : 0;
  sums.class_said[said] += 1;
  double all = 0, squares = 0, own = 0;
  for (size_t c = 0; c < scores.size(); ++c) {
    const double tail = std::exp(static_cast<double>(scores[c]) - scores[said]);
    all += tail;
    squares += tail * tail;
    if (c == label) own = tail;
  }
  // sum over c of (p_c - y_c)^2 with p = tail / all.
  sums.squared_error += squares / (all * all) - 2 * own / all + 1;
  AddToBin(1 / all, said == label, sums);
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
  if (shape.classes() < 2) return sums;
  for (auto* counts : {&sums.class_rows, &sums.class_hits, &sums.class_said}) {
    counts->resize(shape.outputs);
  }
  for (auto* bins : {&sums.bin_rows, &sums.bin_hits, &sums.bin_chances}) {
    bins->resize(kCalibrationBins);
  }
  return sums;
}

// Pairs of rows count, so these are all rows of the split at once.
void AddSurvival(const ModelShape& shape, std::span<const float> scores,
                 std::span<const float> outcomes, EvaluationSums& sums) {
  sums.loss_sum += CoxLoss(shape.ties).Sum<float>(scores, outcomes, 1, {});
  const Concordance pairs = ConcordanceOf(scores, outcomes);
  sums.concordant += pairs.concordant;
  sums.comparable += pairs.comparable;
}

void AddRowScores(const ModelShape& shape, std::span<const float> scores,
                  std::span<const float> labels, EvaluationSums& sums) {
  const size_t outputs = shape.outputs;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (shape.loss == LossKind::kSoftmax) {
      AddClassScores(scores.subspan(i * outputs, outputs), static_cast<size_t>(labels[i]), sums);
    } else if (shape.loss == LossKind::kLogistic) {
      AddLogit(scores[i], labels[i] > 0.5F, sums);
    } else if (shape.loss == LossKind::kPoisson) {
      const double score = scores[i], label = labels[i];
      const double off = std::exp(score) - label;
      sums.loss_sum += PoissonLoss(score, label);
      sums.absolute_error += std::abs(off);
      sums.squared_error += off * off;
    } else {
      const double score = scores[i], label = labels[i];
      sums.loss_sum += SquaredLoss(score, label);
      sums.absolute_error += std::abs(score - label);
    }
  }
}

void AddScores(const ModelShape& shape, std::span<const float> scores,
               std::span<const float> labels, EvaluationSums& sums) {
  CN_CHECK(scores.size() == labels.size() * shape.outputs);
  if (shape.loss == LossKind::kCox) {
    AddSurvival(shape, scores, labels, sums);
  } else {
    AddRowScores(shape, scores, labels, sums);
  }
  sums.rows += static_cast<double>(labels.size());
}

// Of class 1 where there is one score, else the plain mean over the classes that there are.
std::optional<double> F1Of(const EvaluationSums& sums) {
  double sum = 0;
  size_t classes = 0;
  for (size_t c = 0; c < sums.class_rows.size(); ++c) {
    const double either = sums.class_rows[c] + sums.class_said[c];
    if (!(either > 0)) continue;
    sum += 2 * sums.class_hits[c] / either;
    ++classes;
  }
  if (classes == 0) return std::nullopt;
  return sum / static_cast<double>(classes);
}

double CalibrationErrorOf(const EvaluationSums& sums) {
  double off = 0;
  for (size_t bin = 0; bin < sums.bin_rows.size(); ++bin) {
    off += std::abs(sums.bin_hits[bin] - sums.bin_chances[bin]);
  }
  return off / sums.rows;
}

// Calls visit(tensor name without its prefix, values of the sums) for each tensor.
template <typename Sums, typename Visit>
void ForEachTensor(Sums& sums, Visit visit) {
  visit("rows", std::span(&sums.rows, 1));
  visit("loss_sum", std::span(&sums.loss_sum, 1));
  visit("hits", std::span(&sums.hits, 1));
  visit("squared_error", std::span(&sums.squared_error, 1));
  visit("absolute_error", std::span(&sums.absolute_error, 1));
  visit("concordant", std::span(&sums.concordant, 1));
  visit("comparable", std::span(&sums.comparable, 1));
  visit("class_rows", std::span(sums.class_rows));
  visit("class_hits", std::span(sums.class_hits));
  visit("class_said", std::span(sums.class_said));
  visit("bin_rows", std::span(sums.bin_rows));
  visit("bin_hits", std::span(sums.bin_hits));
  visit("bin_chances", std::span(sums.bin_chances));
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
  if (shape.loss == LossKind::kCox) {
    AlignedVector<float> all(rows.y.size());
    ScoreRows(model, shape, parameters, rows.x, all);
    AddScores(shape, all, rows.y, sums);
    if (go_on) go_on();
    return sums;
  }
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
  if (shape.classes() >= 2) {
    metrics.accuracy = sums.hits / sums.rows;
    metrics.f1 = F1Of(sums);
    metrics.brier = sums.squared_error / sums.rows;
    metrics.calibration_error = CalibrationErrorOf(sums);
  }
  if (shape.loss == LossKind::kSquared) {
    metrics.mae = sums.absolute_error / sums.rows;
    metrics.rmse = std::sqrt(2 * metrics.loss);
  }
  if (shape.loss == LossKind::kPoisson) {
    metrics.mae = sums.absolute_error / sums.rows;
    metrics.rmse = std::sqrt(sums.squared_error / sums.rows);
    metrics.deviance = 2 * metrics.loss;
  }
  if (sums.comparable > 0) metrics.c_index = sums.concordant / sums.comparable;
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
