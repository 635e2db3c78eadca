#include "client/data/array_cells.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "client/data/column_reader.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::client::data {
namespace {

using Kind = ArrayOrigin::Kind;

// True when none is NaN, infinite or beyond the bound. No branch in the loop: it is all there is to
// do for nearly every row.
bool AllOrdinary(std::span<const double> values) {
  bool ordinary = true;
  for (const double value : values) ordinary &= std::abs(value) <= kMaxCellMagnitude;
  return ordinary;
}

}  // namespace

ArrayCells::ArrayCells(ArrayColumns columns, const DatasetConfig& config, const job::DataSpec& data)
    : columns_(std::move(columns)), data_(data), missing_(config.missing) {
  for (const std::string& marker : config.missing) {
    if (const auto number = NumberOf(marker)) missing_numbers_.insert(*number);
  }
  for (size_t i = 0; i < columns_.features.size(); ++i) {
    const ArraySource& source = columns_.features[i];
    const bool plain = source.origin.kind == Kind::kArray && source.reader.plain() &&
                       data_.features[i].missing != job::Missing::kIndicator;
    if (plain) plain_.push_back(source.origin.column);
  }
  if (plain_.size() != columns_.features.size()) plain_.clear();
}

bool ArrayCells::AppendPlain(const ArrayPart& part, uint64_t row, std::vector<double>& x) const {
  const size_t before = x.size();
  x.resize(before + plain_.size());
  const std::span<double> values = std::span(x).subspan(before);
  part.rows.ReadRow(row, plain_, values);
  bool ordinary = AllOrdinary(values);
  for (const double marker : missing_numbers_) {
    ordinary = ordinary && std::ranges::find(values, marker) == values.end();
  }
  if (!ordinary) {
    x.resize(before);
    return false;
  }
  if (columns_.divisor != 1) {
    for (double& value : values) value = Scaled(value);
  }
  return true;
}

absl::StatusOr<std::optional<uint32_t>> ArrayCells::AppendFeatures(const ArrayPart& part,
                                                                   uint64_t row,
                                                                   std::vector<double>& x) const {
  if (!plain_.empty() && AppendPlain(part, row, x)) return std::nullopt;
  const size_t before = x.size();
  for (uint32_t i = 0; i < columns_.features.size(); ++i) {
    CN_ASSIGN_OR_RETURN(const auto value, ValueOf(part, row, columns_.features[i]));
    const job::FeatureSpec& feature = data_.features[i];
    if (!value && feature.missing == job::Missing::kDrop) {
      x.resize(before);
      return i;
    }
    AppendFeature(feature, value, x);
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<double>> ArrayCells::LabelOf(const ArrayPart& part,
                                                          uint64_t row) const {
  if (!columns_.label) return std::nullopt;
  CN_ASSIGN_OR_RETURN(const auto label, ValueOf(part, row, *columns_.label));
  if (!label || !columns_.event) return label;
  CN_ASSIGN_OR_RETURN(const auto event, ValueOf(part, row, *columns_.event));
  if (!event) return std::nullopt;
  const auto outcome = OutcomeOf(data_, *label, *event);
  if (!outcome.ok()) return Placed(outcome.status(), part, row, columns_.label->origin);
  return *outcome;
}

std::optional<double> ArrayCells::NumberAt(const ArrayPart& part, uint64_t row,
                                           const ArrayOrigin& origin) const {
  double value = 0;
  if (origin.kind == Kind::kArray) {
    value = part.rows.At(row, origin.column);
  } else if (origin.kind == Kind::kLabel && part.labels) {
    value = part.labels->At(row, 0);
  } else if (origin.kind == Kind::kRow) {
    return static_cast<double>(row);
  } else {
    return std::nullopt;
  }
  if (std::isnan(value) || missing_numbers_.contains(value)) return std::nullopt;
  return value;
}

std::optional<std::string> ArrayCells::TextAt(const ArrayPart& part, uint64_t row,
                                              const ArrayOrigin& origin) const {
  if (origin.kind == Kind::kPart) return std::string(part.test ? "test" : "train");
  const auto value = NumberAt(part, row, origin);
  if (!value) return std::nullopt;
  return fmt::format("{}", *value);
}

// nullopt when missing.
absl::StatusOr<std::optional<double>> ArrayCells::ValueOf(const ArrayPart& part, uint64_t row,
                                                          const ArraySource& source) const {
  if (source.origin.kind == Kind::kArray && source.reader.plain()) {
    const auto value = NumberAt(part, row, source.origin);
    if (!value) return std::nullopt;
    if (std::abs(*value) <= kMaxCellMagnitude) return Scaled(*value);
    return Placed(Error(ErrorCode::kDataBadCell,
                        fmt::format("column `{}` has a value that is infinite or beyond {}",
                                    source.reader.name(), kMaxCellMagnitude)),
                  part, row, source.origin);
  }
  const std::optional<std::string> cell = TextAt(part, row, source.origin);
  if (!cell || missing_.Find(*cell)) return std::nullopt;
  const auto read = source.reader.Read(*cell);
  if (!read.ok()) return Placed(read.status(), part, row, source.origin);
  return *read;
}

absl::Status ArrayCells::Placed(const absl::Status& status, const ArrayPart& part, uint64_t row,
                                const ArrayOrigin& origin) {
  constexpr uint64_t kMost = std::numeric_limits<int>::max();
  const bool label = origin.kind == Kind::kLabel;
  const Place place{label ? part.labels_name : part.name,
                    static_cast<int>(std::min(row + 1, kMost)),
                    static_cast<int>(std::min(origin.column + 1, kMost))};
  return ErrorAt(CodeOf(status).value_or(ErrorCode::kDataBadCell), place,
                 std::string(status.message()), HelpOf(status));
}

}  // namespace consilium::client::data
