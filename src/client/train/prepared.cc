#include "client/train/prepared.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "client/train/site_statistics.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::client::train {
namespace {

constexpr size_t kMaxOutcomes = size_t{1} << 24;  // a float32 counts that far

// Only the order of times matters, so their places in it stand for them, from 1: exact in float32.
learn::AlignedVector<float> RankOutcomes(std::span<const double> outcomes) {
  std::vector<double> times(outcomes.size());
  std::ranges::transform(outcomes, times.begin(), [](double outcome) { return std::abs(outcome); });
  std::ranges::sort(times);
  times.erase(std::unique(times.begin(), times.end()), times.end());
  learn::AlignedVector<float> ranked(outcomes.size());
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const auto place = std::ranges::lower_bound(times, std::abs(outcomes[i])) - times.begin();
    ranked[i] = std::copysign(static_cast<float>(place + 1), static_cast<float>(outcomes[i]));
  }
  return ranked;
}

constexpr double kMostCount = 1 << 24;  // as far as a float32 counts

bool IsLabel(double value, const learn::ModelShape& shape) {
  const uint32_t classes = shape.classes();
  if (shape.loss == learn::LossKind::kPoisson) {
    return value >= 0 && value <= kMostCount && value == std::floor(value);
  }
  if (classes == 0) return std::isfinite(value);
  return value >= 0 && value < classes && value == std::floor(value);
}

}  // namespace

absl::StatusOr<learn::AlignedVector<float>> PrepareFeatures(const learn::ModelShape& shape,
                                                            const data::Split& split,
                                                            const learn::Scaling* scaling,
                                                            std::span<const float> fill) {
  if (split.rows() == 0) return learn::AlignedVector<float>();
  if (split.columns != shape.inputs || split.x.size() != split.rows() * shape.inputs) {
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("the data has {} design columns, the model wants {}", split.columns,
                             shape.inputs));
  }
  return learn::Standardize(split.x, split.columns, scaling, fill);
}

absl::StatusOr<learn::AlignedVector<float>> PrepareLabels(const learn::ModelShape& shape,
                                                          std::span<const double> labels) {
  for (const double label : labels) {
    if (IsLabel(label, shape)) continue;
    if (shape.loss == learn::LossKind::kPoisson) {
      return Error(ErrorCode::kModelMismatch,
                   fmt::format("a label is not a count, want whole numbers from 0 to {}",
                               static_cast<uint64_t>(kMostCount)),
                   "take kind = \"linear\" for a label that is measured");
    }
    return Error(ErrorCode::kModelMismatch,
                 shape.classes() == 0
                     ? std::string("a label is not a finite number")
                     : fmt::format("a label is not a class from 0 to {}", shape.classes() - 1));
  }
  if (shape.loss == learn::LossKind::kCox) {
    if (labels.size() > kMaxOutcomes) {
      return Error(ErrorCode::kDataTooLarge,
                   fmt::format("{} rows of times, want at most {}", labels.size(), kMaxOutcomes));
    }
    return RankOutcomes(labels);
  }
  learn::AlignedVector<float> prepared(labels.size());
  std::transform(labels.begin(), labels.end(), prepared.begin(),
                 [](double value) { return static_cast<float>(value); });
  return prepared;
}

absl::StatusOr<PreparedSplit> Prepare(const learn::ModelShape& shape, const data::Split& split,
                                      const learn::Scaling* scaling, std::span<const float> fill) {
  PreparedSplit prepared;
  CN_ASSIGN_OR_RETURN(prepared.x, PrepareFeatures(shape, split, scaling, fill));
  CN_ASSIGN_OR_RETURN(prepared.y, PrepareLabels(shape, split.y));
  return prepared;
}

absl::StatusOr<std::optional<learn::Scaling>> ScalingFor(const job::JobSpec& spec,
                                                         const wire::StatePart& state,
                                                         const data::Split& train) {
  switch (spec.data.standardize) {
    case job::Standardize::kNone:
      break;
    case job::Standardize::kFederated: {
      CN_ASSIGN_OR_RETURN(learn::Scaling scaling,
                          learn::ReadScaling(state.tensors, spec.design_columns()));
      return std::optional(std::move(scaling));
    }
    case job::Standardize::kSite: {
      CN_ASSIGN_OR_RETURN(SiteStatistics statistics, SiteStatisticsOf(spec.data, train));
      return std::optional(std::move(statistics.scaling));
    }
  }
  return std::optional<learn::Scaling>();
}

}  // namespace consilium::client::train
