#include "client/data/column_reader.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "fmt/format.h"

namespace consilium::client::data {
namespace {

constexpr size_t kMaxLevelsShown = 8;

std::string ListOf(const std::vector<std::string>& levels) {
  std::string text;
  for (size_t i = 0; i < std::min(levels.size(), kMaxLevelsShown); ++i) {
    text += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", levels[i]);
  }
  return levels.size() > kMaxLevelsShown ? text + ", ..." : text;
}

}  // namespace

ColumnWish LabelWish(const job::DataSpec& data) {
  ColumnWish wish{data.label, job::ColumnType::kBinary, data.label_levels};
  if (data.classes == 1) wish.type = job::ColumnType::kNumber;
  if (!data.label_levels.empty()) wish.type = job::ColumnType::kCategory;
  return wish;
}

ColumnWish EventWish(const job::DataSpec& data) {
  return {data.event, job::ColumnType::kBinary, {}};
}

ColumnWish FeatureWish(const job::FeatureSpec& feature) {
  return {feature.name, feature.type, feature.levels, feature.other};
}

void AppendFeature(const job::FeatureSpec& feature, std::optional<double> value,
                   std::vector<double>& x) {
  const bool category = feature.type == job::ColumnType::kCategory;
  for (uint32_t column = 1; column <= feature.value_width(); ++column) {
    if (!value) {
      x.push_back(std::numeric_limits<double>::quiet_NaN());
    } else {
      x.push_back(!category ? *value : *value == static_cast<double>(column) ? 1.0 : 0.0);
    }
  }
  if (feature.missing == job::Missing::kIndicator) x.push_back(value ? 0.0 : 1.0);
}

absl::StatusOr<double> OutcomeOf(const job::DataSpec& data, double time, double event) {
  if (time >= 0) return event == 1 ? time : -time;
  return Error(ErrorCode::kDataBadCell,
               fmt::format("column `{}` has a time below 0, want 0 or more", data.label),
               "mend the cell, or leave the row out with `filter`");
}

ColumnReader::ColumnReader(ColumnWish wish, const ColumnConfig* config)
    : wish_(std::move(wish)), file_column_(wish_.name), levels_(wish_.levels) {
  if (config == nullptr) return;
  file_column_ = config->column;
  positive_ = TextIndex(config->positive);
  std::vector<std::string> from;
  for (const auto& [cell, name] : config->values) {
    from.push_back(cell);
    mapped_to_.push_back(name);
  }
  mapped_from_ = TextIndex(from);
}

std::string ColumnReader::Named() const {
  if (file_column_ == wish_.name) return fmt::format("column `{}`", wish_.name);
  return fmt::format("column `{}` (`{}` in the file)", wish_.name, file_column_);
}

absl::StatusOr<double> ColumnReader::Read(std::string_view cell) const {
  if (const auto mapped = mapped_from_.Find(cell)) cell = mapped_to_[*mapped];
  if (wish_.type == job::ColumnType::kCategory) return ReadLevel(cell);
  if (wish_.type == job::ColumnType::kBinary || !positive_.empty()) return ReadBinary(cell);
  if (const auto number = NumberOf(cell)) return *number;
  return Error(
      ErrorCode::kDataBadCell,
      fmt::format("{} has a cell that is not a number, want one such as 120 or -2.5", Named()),
      "mend the cell, or add its text to `missing` so that the row is left out");
}

absl::StatusOr<double> ColumnReader::ReadBinary(std::string_view cell) const {
  if (!positive_.empty()) return positive_.Find(cell) ? 1.0 : 0.0;
  const auto number = NumberOf(cell);
  if (number && (*number == 0 || *number == 1)) return *number;
  return Error(ErrorCode::kDataBadCell,
               fmt::format("{} has a cell that is neither 0 nor 1", Named()),
               fmt::format("say which cells are 1, in client.toml: {} = {{ column = \"{}\", "
                           "positive = [\"..\"] }}",
                           wish_.name, file_column_));
}

absl::StatusOr<double> ColumnReader::ReadLevel(std::string_view cell) const {
  if (const auto level = levels_.Find(cell)) return static_cast<double>(*level);
  if (!wish_.other.empty()) return static_cast<double>(levels_.Find(wish_.other).value());
  return Error(ErrorCode::kDataUnknownLevel,
               fmt::format("{} has a cell that is none of the job's levels, want {}", Named(),
                           ListOf(wish_.levels)),
               "map the site's texts to the job's with `values` in client.toml, add the level to "
               "the job, give it a level for all `other` cells, or list the text under `missing`");
}

}  // namespace consilium::client::data
