#include "common/learn/standardize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::learn {
namespace {

absl::StatusOr<std::vector<double>> ReadColumns(const tensor::Bundle& state, const char* name,
                                                size_t columns) {
  const auto found = state.layout().Find(name);
  if (!found) {
    return Error(ErrorCode::kModelMismatch, fmt::format("the state has no tensor `{}`", name));
  }
  const tensor::TensorSpec& spec = state.layout().tensors()[*found];
  if (spec.dtype != tensor::DType::kFloat64 || spec.shape.size() != 1 || spec.shape[0] != columns) {
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("tensor `{}` of the state has shape [{}], want float64 [{}]", name,
                             fmt::join(spec.shape, ", "), columns));
  }
  const std::span<const double> values = state.Float64(*found);
  if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("tensor `{}` of the state holds NaN or infinity", name));
  }
  return std::vector<double>(values.begin(), values.end());
}

}  // namespace

std::vector<double> ColumnCounts(std::span<const double> x, size_t columns) {
  CN_CHECK(columns > 0 && x.size() % columns == 0);
  std::vector<double> counts(columns);
  for (size_t i = 0; i < x.size(); i += columns) {
    for (size_t c = 0; c < columns; ++c) counts[c] += std::isnan(x[i + c]) ? 0 : 1;
  }
  return counts;
}

std::vector<double> ColumnSums(std::span<const double> x, size_t columns) {
  CN_CHECK(columns > 0 && x.size() % columns == 0);
  std::vector<double> sums(columns);
  for (size_t i = 0; i < x.size(); i += columns) {
    for (size_t c = 0; c < columns; ++c) sums[c] += std::isnan(x[i + c]) ? 0 : x[i + c];
  }
  return sums;
}

std::vector<double> CentredSquares(std::span<const double> x, std::span<const double> mean) {
  const size_t columns = mean.size();
  CN_CHECK(columns > 0 && x.size() % columns == 0);
  std::vector<double> units(columns);
  std::transform(mean.begin(), mean.end(), units.begin(), UnitOf);
  std::vector<double> squares(columns);
  for (size_t i = 0; i < x.size(); i += columns) {
    for (size_t c = 0; c < columns; ++c) {
      if (std::isnan(x[i + c])) continue;
      const double centred = (x[i + c] - mean[c]) / units[c];
      squares[c] += centred * centred;
    }
  }
  return squares;
}

double UnitOf(double mean) {
  double unit = 1;
  while (unit < std::abs(mean) && std::isfinite(2 * unit)) unit *= 2;
  return unit;
}

double ScaleOf(double mean, double squares_in_units, double count) {
  if (count < 2) return 1;
  const double deviation = std::sqrt(squares_in_units / (count - 1)) * UnitOf(mean);
  constexpr double kRounding = 1e-10;
  constexpr double kFloor = 1e-9;
  if (deviation <= kRounding * std::max(1.0, std::abs(mean))) return 1;
  return deviation + kFloor;
}

Scaling ScalingOf(std::span<const double> x, size_t columns) {
  Scaling scaling{ColumnSums(x, columns), std::vector<double>(columns)};
  CN_CHECK(!x.empty());
  const std::vector<double> counts = ColumnCounts(x, columns);
  for (size_t c = 0; c < columns; ++c) scaling.mean[c] /= std::max(1.0, counts[c]);
  const std::vector<double> squares = CentredSquares(x, scaling.mean);
  for (size_t c = 0; c < columns; ++c) {
    scaling.scale[c] = ScaleOf(scaling.mean[c], squares[c], counts[c]);
  }
  return scaling;
}

void LeaveUnscaled(const job::DataSpec& data, double value, std::span<double> columns) {
  size_t first = 0;
  for (const job::FeatureSpec& feature : data.features) {
    const std::span<double> own = columns.subspan(first, feature.width());
    if (!feature.standardized) std::ranges::fill(own, value);
    first += feature.width();
  }
  CN_CHECK(first == columns.size());
}

absl::StatusOr<std::vector<double>> ReadMeans(const tensor::Bundle& state, size_t columns) {
  return ReadColumns(state, kMeanTensor, columns);
}

absl::StatusOr<Scaling> ReadScaling(const tensor::Bundle& state, size_t columns) {
  Scaling scaling;
  CN_ASSIGN_OR_RETURN(scaling.mean, ReadMeans(state, columns));
  CN_ASSIGN_OR_RETURN(scaling.scale, ReadColumns(state, kScaleTensor, columns));
  for (size_t c = 0; c < columns; ++c) {
    if (scaling.scale[c] > 0) continue;
    return Error(ErrorCode::kModelMismatch,
                 fmt::format("{}[{}] is {}, want > 0", kScaleTensor, c, scaling.scale[c]));
  }
  return scaling;
}

AlignedVector<float> Standardize(std::span<const double> x, size_t columns, const Scaling* scaling,
                                 std::span<const float> fill) {
  AlignedVector<float> out(x.size());
  if (scaling == nullptr) {
    std::transform(x.begin(), x.end(), out.begin(), [](double v) { return static_cast<float>(v); });
    return out;
  }
  CN_CHECK(scaling->mean.size() == columns && scaling->scale.size() == columns);
  for (size_t i = 0; i < x.size(); i += columns) {
    for (size_t c = 0; c < columns; ++c) {
      out[i + c] = !fill.empty() && std::isnan(x[i + c])
                       ? fill[c]
                       : static_cast<float>((x[i + c] - scaling->mean[c]) / scaling->scale[c]);
    }
  }
  return out;
}

}  // namespace consilium::learn
