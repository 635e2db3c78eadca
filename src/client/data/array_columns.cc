#include "client/data/array_columns.h"

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::client::data {
namespace {

constexpr double kImageDivisor = 255;

// The three columns that only a filter knows.
std::optional<ArrayOrigin::Kind> OwnColumn(std::string_view name) {
  if (name == "label") return ArrayOrigin::Kind::kLabel;
  if (name == "row") return ArrayOrigin::Kind::kRow;
  if (name == "part") return ArrayOrigin::Kind::kPart;
  return std::nullopt;
}

class ColumnFinder {
 public:
  ColumnFinder(const ArrayPart& part, const DatasetConfig& config)
      : part_(part), config_(config), names_(config.names) {
    if (names_.empty()) {
      const std::string prefix = !config.array.prefix.empty() ? config.array.prefix
                                 : HasImages()                ? "pixel"
                                                              : "x";
      for (uint64_t c = 0; c < part.rows.columns(); ++c)
        names_.push_back(prefix + fmt::to_string(c));
    }
    for (size_t c = 0; c < names_.size(); ++c) places_.emplace(names_[c], c);
  }

  absl::Status CheckNames() const {
    if (names_.size() == part_.rows.columns()) return absl::OkStatus();
    return Error(ErrorCode::kDataSyntax,
                 fmt::format("`{}` has {} columns, and `names` of dataset `{}` names {}",
                             part_.name, part_.rows.columns(), config_.name, names_.size()));
  }

  double Divisor() const {
    const bool bytes = part_.rows.type() == ElementType::kU8;
    return config_.array.divide_by.value_or(HasImages() && bytes ? kImageDivisor : 1);
  }

  // A column that the job names.
  absl::StatusOr<ArraySource> SourceOf(ColumnWish wish) const {
    ColumnReader reader = ReaderOf(std::move(wish));
    CN_ASSIGN_OR_RETURN(const ArrayOrigin origin, OriginOf(reader.file_column(), false));
    return ArraySource{std::move(reader), origin};
  }

  // A column of the array, else the labels' own; none where there is neither.
  absl::StatusOr<std::optional<ArraySource>> LabelOf(ColumnWish wish, Labels labels) const {
    ColumnReader reader = ReaderOf(std::move(wish));
    const auto own = places_.find(reader.file_column());
    if (own != places_.end()) {
      return ArraySource{std::move(reader), {ArrayOrigin::Kind::kArray, own->second}};
    }
    if (part_.labels) return ArraySource{std::move(reader), {ArrayOrigin::Kind::kLabel, 0}};
    if (labels == Labels::kOptional) return std::nullopt;
    return Error(
        ErrorCode::kDataMissingColumn,
        fmt::format("dataset `{}` has no labels, which the job asks for as `{}`", config_.name,
                    reader.name()),
        fmt::format("say where they are, under [datasets.{}]: labels = \"..\"", config_.name));
  }

  absl::StatusOr<ArrayOrigin> OriginOf(const std::string& column, bool filter) const {
    if (const auto found = places_.find(column); found != places_.end()) {
      return ArrayOrigin{ArrayOrigin::Kind::kArray, found->second};
    }
    if (const auto own = OwnColumn(column); own && filter) return ArrayOrigin{*own, 0};
    return Error(
        ErrorCode::kDataMissingColumn,
        fmt::format("dataset `{}` has no column `{}`, which {}", config_.name, column,
                    filter ? "the filter reads" : "the job names"),
        fmt::format("it has `{}` to `{}`{}; `column_prefix` in client.toml says what the "
                    "numbered ones are called",
                    names_.front(), names_.back(), filter ? ", `label`, `row` and `part`" : ""));
  }

 private:
  bool HasImages() const { return part_.rows.shape().size() > 2; }

  ColumnReader ReaderOf(ColumnWish wish) const {
    const auto config = config_.columns.find(wish.name);
    return {std::move(wish), config == config_.columns.end() ? nullptr : &config->second};
  }

  const ArrayPart& part_;
  const DatasetConfig& config_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, uint64_t> places_;
};

}  // namespace

absl::StatusOr<ArrayColumns> FindArrayColumns(const ArrayPart& part, const DatasetConfig& config,
                                              const job::DataSpec& data, Labels labels) {
  const ColumnFinder finder(part, config);
  CN_RETURN_IF_ERROR(finder.CheckNames());
  ArrayColumns columns;
  columns.divisor = finder.Divisor();
  columns.features.reserve(data.features.size());
  for (const job::FeatureSpec& feature : data.features) {
    CN_ASSIGN_OR_RETURN(ArraySource source, finder.SourceOf(FeatureWish(feature)));
    columns.features.push_back(std::move(source));
  }
  CN_ASSIGN_OR_RETURN(columns.label, finder.LabelOf(LabelWish(data), labels));
  if (!data.event.empty() && columns.label) {
    CN_ASSIGN_OR_RETURN(columns.event, finder.SourceOf(EventWish(data)));
  }
  for (const std::string& column : config.filter.columns()) {
    CN_ASSIGN_OR_RETURN(const ArrayOrigin origin, finder.OriginOf(column, true));
    columns.filter.push_back(origin);
  }
  return columns;
}

}  // namespace consilium::client::data
