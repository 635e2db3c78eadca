#include "client/train/predict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "client/train/prepared.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/fill.h"
#include "common/learn/loss.h"
#include "common/learn/model_text.h"

namespace consilium::client::train {
namespace {

// nullopt for "none".
absl::StatusOr<std::optional<learn::Scaling>> ScalingOfModel(const job::JobSpec& spec,
                                                             const wire::StatePart& model,
                                                             const SiteStatistics* statistics) {
  if (spec.data.standardize != job::Standardize::kSite) return ScalingFor(spec, model, {});
  if (statistics == nullptr) {
    return Error(
        ErrorCode::kModelNeedsStatistics,
        "the model was trained with standardize = \"site\": each site scaled its rows by "
        "its own statistics",
        "predict at a site that took part, with its --config client.toml: its client keeps "
        "them; or train with standardize = \"federated\"");
  }
  if (statistics->scaling.mean.size() != spec.design_columns()) {
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("the site's statistics have {} columns, the model wants {}",
                             statistics->scaling.mean.size(), spec.design_columns()));
  }
  return std::optional(statistics->scaling);
}

std::vector<double> ProbabilitiesOf(const learn::ModelShape& shape, std::span<const float> scores) {
  std::vector<double> out;
  if (shape.loss == learn::LossKind::kLogistic) {
    for (const float score : scores) {
      const double positive = learn::Sigmoid(static_cast<double>(score));
      out.insert(out.end(), {1 - positive, positive});
    }
  } else if (shape.loss == learn::LossKind::kSoftmax) {
    for (size_t i = 0; i < scores.size(); i += shape.outputs) {
      const std::span<const float> row = scores.subspan(i, shape.outputs);
      for (size_t label = 0; label < row.size(); ++label) {
        out.push_back(std::exp(-learn::SoftmaxLoss(row, label)));
      }
    }
  }
  return out;
}

// Over the rows whose label is known.
absl::StatusOr<std::optional<learn::SplitMetrics>> MetricsOfKnown(const learn::ModelShape& shape,
                                                                  std::span<const float> scores,
                                                                  std::span<const double> labels) {
  std::vector<float> known_scores;
  std::vector<double> known_labels;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (std::isnan(labels[i])) continue;
    const auto row = scores.subspan(i * shape.outputs, shape.outputs);
    known_scores.insert(known_scores.end(), row.begin(), row.end());
    known_labels.push_back(labels[i]);
  }
  if (known_labels.empty()) return std::optional<learn::SplitMetrics>();
  CN_ASSIGN_OR_RETURN(const learn::AlignedVector<float> prepared,
                      PrepareLabels(shape, known_labels));
  return std::optional(learn::MetricsOf(shape, learn::SumScores(shape, known_scores, prepared)));
}

}  // namespace

absl::StatusOr<Prediction> Predict(const wire::StatePart& model, const data::Split& rows,
                                   const SiteStatistics* statistics) {
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, learn::SpecOfModel(model));
  CN_ASSIGN_OR_RETURN(const learn::ModelShape shape, learn::ShapeOf(spec));
  if (!spec.personal.tensors.empty()) {
    return Error(
        ErrorCode::kModelNeedsPersonal,
        fmt::format("{} of the model {} at the sites", fmt::join(spec.personal.tensors, ", "),
                    spec.personal.tensors.size() == 1 ? "stays" : "stay"),
        "predict at a site that took part until the job was done, with its --config "
        "client.toml: its client keeps its own");
  }
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout, learn::ParameterLayout(shape));
  CN_ASSIGN_OR_RETURN(const learn::AlignedVector<float> parameters,
                      learn::ReadParameters(layout, model.tensors));
  CN_ASSIGN_OR_RETURN(const std::optional<learn::Scaling> scaling,
                      ScalingOfModel(spec, model, statistics));
  CN_ASSIGN_OR_RETURN(
      const learn::AlignedVector<float> x,
      PrepareFeatures(shape, rows, scaling ? &*scaling : nullptr,
                      scaling ? learn::FillOf(spec, *scaling) : std::vector<float>()));
  Prediction prediction;
  prediction.outputs = shape.outputs;
  prediction.classes = shape.classes();
  if (rows.rows() == 0) return prediction;
  prediction.scores.resize(rows.rows() * shape.outputs);
  const std::unique_ptr<learn::Model> core = learn::MakeModel<float>(shape);
  learn::ScoreRows(*core, shape, parameters, x, prediction.scores);
  prediction.probabilities = ProbabilitiesOf(shape, prediction.scores);
  CN_ASSIGN_OR_RETURN(prediction.metrics, MetricsOfKnown(shape, prediction.scores, rows.y));
  return prediction;
}

}  // namespace consilium::client::train
