#include "client/data/array_dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "client/data/array.h"
#include "client/data/cell_value.h"
#include "client/data/column_reader.h"
#include "client/data/csv_dataset.h"
#include "client/data/dataset_digest.h"
#include "client/data/holdout.h"
#include "common/base/error.h"
#include "common/base/inflate.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "fmt/format.h"

namespace consilium::client::data {
namespace {

constexpr std::string_view kLabelColumn = "label";
constexpr std::string_view kRowColumn = "row";
constexpr std::string_view kPartColumn = "part";
constexpr uint64_t kRowsPerReport = 4096;
constexpr double kImageDivisor = 255;

// Where a column's cells come from: a column of the array, or one of the three others.
struct Origin {
  enum class Kind { kArray, kLabel, kRow, kPart };
  Kind kind = Kind::kArray;
  uint64_t column = 0;
};

// An array with its labels.
struct Part {
  std::string name;  // of the file
  Array rows;
  std::optional<Array> labels;
  std::string labels_name;
  bool test = false;
};

class ArrayLoader {
 public:
  ArrayLoader(const DatasetConfig& config, const job::JobSpec& spec, const SiteId& site,
              const Storage& storage, const LoadOptions& options)
      : config_(config),
        spec_(spec),
        site_(site),
        storage_(storage),
        options_(options),
        holdout_(config.split.holdout, site, config.name),
        missing_(config.missing) {
    for (const std::string& marker : config.missing) {
      if (const auto number = NumberOf(marker)) missing_numbers_.insert(*number);
    }
  }

  absl::StatusOr<Dataset> Load() {
    CN_ASSIGN_OR_RETURN(
        Part train, ReadPart({config_.path, config_.array.member}, config_.array.labels, false));
    CN_RETURN_IF_ERROR(NameColumns(train));
    CN_RETURN_IF_ERROR(FindColumns(train));
    dataset_.train.columns = dataset_.test.columns = spec_.design_columns();
    CN_RETURN_IF_ERROR(TakeRows(train));
    if (!config_.array.test.path.empty()) {
      CN_ASSIGN_OR_RETURN(const Part test,
                          ReadPart(config_.array.test, config_.array.test_labels, true));
      CN_RETURN_IF_ERROR(CheckSame(train, test));
      CN_RETURN_IF_ERROR(TakeRows(test));
    }
    dataset_.digest = DatasetDigest(files_.Current(), config_, spec_.data, site_);
    return std::move(dataset_);
  }

 private:
  struct Source {
    ColumnReader reader;
    Origin origin;
  };

  absl::StatusOr<Array> ReadArray(const ArrayPlace& place) {
    auto bytes = ReadWhole(storage_, place.path, kMaxWholeFileBytes);
    if (!bytes.ok()) {
      return Annotate(bytes.status(), fmt::format("dataset `{}`", config_.name));
    }
    const Digest digest = crypto::Sha256Of(*bytes);
    files_.Update(std::as_bytes(std::span(digest.bytes)));
    return Array::Parse(*std::move(bytes), place.member, NameOf(place));
  }

  static std::string NameOf(const ArrayPlace& place) {
    return std::filesystem::path(place.path).filename().string();
  }

  absl::StatusOr<Part> ReadPart(const ArrayPlace& rows, const ArrayPlace& labels, bool test) {
    CN_ASSIGN_OR_RETURN(Array array, ReadArray(rows));
    Part part{NameOf(rows), std::move(array), std::nullopt, NameOf(labels), test};
    if (labels.path.empty()) return part;
    CN_ASSIGN_OR_RETURN(part.labels, ReadArray(labels));
    if (part.labels->columns() != 1) {
      return Error(ErrorCode::kDataSyntax, fmt::format("`{}` has {} labels for each row, want 1",
                                                       part.labels_name, part.labels->columns()));
    }
    if (part.labels->rows() != part.rows.rows()) {
      return Error(ErrorCode::kDataSyntax,
                   fmt::format("`{}` has {} rows, `{}` {} labels", part.name, part.rows.rows(),
                               part.labels_name, part.labels->rows()),
                   "rows and labels go together: as many of the one as of the other");
    }
    return part;
  }

  absl::Status CheckSame(const Part& train, const Part& test) const {
    if (test.rows.columns() == train.rows.columns() && test.rows.type() == train.rows.type()) {
      return absl::OkStatus();
    }
    return Error(ErrorCode::kDataSyntax,
                 fmt::format("`{}` and `{}` have not the same numbers in a row: {} and {}, each of "
                             "{} and {} bytes",
                             train.name, test.name, train.rows.columns(), test.rows.columns(),
                             BytesOf(train.rows.type()), BytesOf(test.rows.type())),
                 "rows that test are made as those that train");
  }

  absl::Status NameColumns(const Part& part) {
    const bool images = part.rows.shape().size() > 2;
    const bool bytes = part.rows.type() == ElementType::kU8;
    divisor_ = config_.array.divide_by.value_or(images && bytes ? kImageDivisor : 1);
    names_ = config_.names;
    if (names_.empty()) {
      const std::string prefix = !config_.array.prefix.empty() ? config_.array.prefix
                                 : images                      ? "pixel"
                                                               : "x";
      for (uint64_t c = 0; c < part.rows.columns(); ++c)
        names_.push_back(prefix + fmt::to_string(c));
    }
    if (names_.size() == part.rows.columns()) return absl::OkStatus();
    return Error(ErrorCode::kDataSyntax,
                 fmt::format("`{}` has {} columns, and `names` of dataset `{}` names {}", part.name,
                             part.rows.columns(), config_.name, names_.size()));
  }

  absl::Status FindColumns(const Part& train) {
    for (const job::FeatureSpec& feature : spec_.data.features) {
      ColumnReader reader = ReaderOf(FeatureWish(feature));
      CN_ASSIGN_OR_RETURN(const Origin origin, OriginOf(reader.file_column(), false));
      sources_.push_back({std::move(reader), origin});
    }
    ColumnReader label = ReaderOf(LabelWish(spec_.data));
    const auto own = std::ranges::find(names_, label.file_column());
    if (own != names_.end()) {
      const auto column = static_cast<uint64_t>(own - names_.begin());
      sources_.push_back({std::move(label), {Origin::Kind::kArray, column}});
    } else if (train.labels) {
      sources_.push_back({std::move(label), {Origin::Kind::kLabel, 0}});
    } else if (options_.labels == Labels::kRequired) {
      return Error(
          ErrorCode::kDataMissingColumn,
          fmt::format("dataset `{}` has no labels, which the job asks for as `{}`", config_.name,
                      spec_.data.label),
          fmt::format("say where they are, under [datasets.{}]: labels = \"..\"", config_.name));
    } else {
      dataset_.has_label_column = false;
    }
    if (!spec_.data.event.empty() && dataset_.has_label_column) {
      ColumnReader event = ReaderOf(EventWish(spec_.data));
      CN_ASSIGN_OR_RETURN(const Origin origin, OriginOf(event.file_column(), false));
      sources_.push_back({std::move(event), origin});
    }
    for (const std::string& column : config_.filter.columns()) {
      CN_ASSIGN_OR_RETURN(const Origin origin, OriginOf(column, true));
      filter_.push_back(origin);
    }
    filter_cells_.resize(filter_.size());
    return absl::OkStatus();
  }

  ColumnReader ReaderOf(ColumnWish wish) const {
    const auto config = config_.columns.find(wish.name);
    return {std::move(wish), config == config_.columns.end() ? nullptr : &config->second};
  }

  absl::StatusOr<Origin> OriginOf(const std::string& column, bool filter) {
    if (places_.empty()) {
      for (size_t c = 0; c < names_.size(); ++c) places_.emplace(names_[c], c);
    }
    if (const auto found = places_.find(column); found != places_.end()) {
      return Origin{Origin::Kind::kArray, found->second};
    }
    if (filter && column == kLabelColumn) return Origin{Origin::Kind::kLabel, 0};
    if (filter && column == kRowColumn) return Origin{Origin::Kind::kRow, 0};
    if (filter && column == kPartColumn) return Origin{Origin::Kind::kPart, 0};
    return Error(
        ErrorCode::kDataMissingColumn,
        fmt::format("dataset `{}` has no column `{}`, which {}", config_.name, column,
                    filter ? "the filter reads" : "the job names"),
        fmt::format("it has `{}` to `{}`{}; `column_prefix` in client.toml says what the "
                    "numbered ones are called",
                    names_.front(), names_.back(), filter ? ", `label`, `row` and `part`" : ""));
  }

  absl::Status TakeRows(const Part& part) {
    for (uint64_t row = 0; row < part.rows.rows(); ++row) {
      CN_RETURN_IF_ERROR(TakeRow(part, row));
      if (!options_.progress || row % kRowsPerReport != 0) continue;
      if (!options_.progress(row, part.rows.rows())) {
        return absl::CancelledError("the reading of the dataset was stopped");
      }
    }
    return absl::OkStatus();
  }

  absl::Status TakeRow(const Part& part, uint64_t row) {
    const bool held_out =
        (part.test ? part.test : holdout_.NextIsTest()) || !dataset_.has_label_column;
    ++place_;
    CN_ASSIGN_OR_RETURN(const bool kept, PassesFilter(part, row));
    if (!kept) {
      ++dataset_.rows_filtered;
      return absl::OkStatus();
    }
    ++dataset_.rows_read;
    Split& split = held_out ? dataset_.test : dataset_.train;
    return AddRow(part, row, split);
  }

  absl::StatusOr<bool> PassesFilter(const Part& part, uint64_t row) {
    if (filter_.empty()) return true;
    for (size_t i = 0; i < filter_.size(); ++i) filter_cells_[i] = TextAt(part, row, filter_[i]);
    size_t bad_column = 0;
    const auto kept = config_.filter.Keeps(
        [&](size_t column) -> std::optional<std::string_view> { return filter_cells_[column]; },
        &bad_column);
    if (kept.ok()) return *kept;
    return Placed(kept.status(), part, row, filter_[bad_column]);
  }

  // nullopt when missing.
  std::optional<double> NumberAt(const Part& part, uint64_t row, const Origin& origin) const {
    double value = 0;
    if (origin.kind == Origin::Kind::kArray) {
      value = part.rows.At(row, origin.column);
    } else if (origin.kind == Origin::Kind::kLabel && part.labels) {
      value = part.labels->At(row, 0);
    } else if (origin.kind == Origin::Kind::kRow) {
      return static_cast<double>(row);
    } else {
      return std::nullopt;
    }
    if (std::isnan(value) || missing_numbers_.contains(value)) return std::nullopt;
    return value;
  }

  std::optional<std::string> TextAt(const Part& part, uint64_t row, const Origin& origin) const {
    if (origin.kind == Origin::Kind::kPart) return std::string(part.test ? "test" : "train");
    const auto value = NumberAt(part, row, origin);
    if (!value) return std::nullopt;
    return fmt::format("{}", *value);
  }

  absl::Status AddRow(const Part& part, uint64_t row, Split& split) {
    values_ += split.columns + 1;
    if (values_ > kMaxDatasetValues) {
      return Error(
          ErrorCode::kDataTooLarge,
          fmt::format("dataset `{}` holds more than {} numbers", config_.name, kMaxDatasetValues),
          "leave rows out with `filter`, or use fewer features");
    }
    const size_t before = split.x.size();
    for (size_t i = 0; i < spec_.data.features.size(); ++i) {
      CN_ASSIGN_OR_RETURN(const auto value, ValueOf(part, row, sources_[i]));
      const job::FeatureSpec& feature = spec_.data.features[i];
      if (!value && feature.missing == job::Missing::kDrop) {
        split.x.resize(before);
        return DropRow(i);
      }
      AppendFeature(feature, value, split.x);
    }
    CN_ASSIGN_OR_RETURN(const std::optional<double> label, LabelOf(part, row));
    if (!label && options_.labels == Labels::kRequired) {
      split.x.resize(before);
      return DropRow(spec_.data.features.size());
    }
    split.y.push_back(label.value_or(std::numeric_limits<double>::quiet_NaN()));
    split.places.push_back(place_);
    return absl::OkStatus();
  }

  // nullopt where it is not known.
  absl::StatusOr<std::optional<double>> LabelOf(const Part& part, uint64_t row) const {
    const size_t first = spec_.data.features.size();
    if (sources_.size() == first) return std::optional<double>();
    CN_ASSIGN_OR_RETURN(const auto label, ValueOf(part, row, sources_[first]));
    if (!label || spec_.data.event.empty()) return label;
    CN_ASSIGN_OR_RETURN(const auto event, ValueOf(part, row, sources_[first + 1]));
    if (!event) return std::optional<double>();
    const auto outcome = OutcomeOf(spec_.data, *label, *event);
    if (!outcome.ok()) return Placed(outcome.status(), part, row, sources_[first].origin);
    return std::optional<double>(*outcome);
  }

  absl::Status DropRow(size_t column) {
    ++dataset_.rows_incomplete;
    dataset_.incomplete.push_back({place_, static_cast<uint32_t>(column)});
    return absl::OkStatus();
  }

  // nullopt when missing.
  absl::StatusOr<std::optional<double>> ValueOf(const Part& part, uint64_t row,
                                                const Source& source) const {
    const bool array = source.origin.kind == Origin::Kind::kArray;
    if (array && source.reader.plain()) {
      const auto value = NumberAt(part, row, source.origin);
      if (!value || std::abs(*value) <= kMaxCellMagnitude) return Scaled(value);
      return Placed(Error(ErrorCode::kDataBadCell,
                          fmt::format("column `{}` has a value that is infinite or beyond {}",
                                      source.reader.name(), kMaxCellMagnitude)),
                    part, row, source.origin);
    }
    const std::optional<std::string> cell = TextAt(part, row, source.origin);
    if (!cell || missing_.Find(*cell)) return std::optional<double>();
    const auto read = source.reader.Read(*cell);
    if (!read.ok()) return Placed(read.status(), part, row, source.origin);
    return std::optional<double>(*read);
  }

  // As images are scaled everywhere: divided, and rounded to float32.
  std::optional<double> Scaled(std::optional<double> value) const {
    if (!value || divisor_ == 1) return value;
    return static_cast<double>(static_cast<float>(*value / divisor_));
  }

  // The same error, with the place of a value.
  static absl::Status Placed(const absl::Status& status, const Part& part, uint64_t row,
                             const Origin& origin) {
    constexpr uint64_t kMost = std::numeric_limits<int>::max();
    const bool label = origin.kind == Origin::Kind::kLabel;
    const Place place{label ? part.labels_name : part.name,
                      static_cast<int>(std::min(row + 1, kMost)),
                      static_cast<int>(std::min(origin.column + 1, kMost))};
    return ErrorAt(CodeOf(status).value_or(ErrorCode::kDataBadCell), place,
                   std::string(status.message()), HelpOf(status));
  }

  const DatasetConfig& config_;
  const job::JobSpec& spec_;
  const SiteId& site_;
  const Storage& storage_;
  const LoadOptions& options_;
  Holdout holdout_;
  const TextIndex missing_;
  std::set<double> missing_numbers_;
  crypto::Sha256 files_;
  double divisor_ = 1;
  std::vector<std::string> names_;
  std::map<std::string, uint64_t> places_;
  std::vector<Source> sources_;  // the features in order, then the label and its event if there are
  std::vector<Origin> filter_;
  std::vector<std::optional<std::string>> filter_cells_;
  uint64_t values_ = 0;
  uint64_t place_ = 0;
  Dataset dataset_;
};

}  // namespace

absl::StatusOr<Dataset> LoadArrays(const DatasetConfig& config, const job::JobSpec& spec,
                                   const SiteId& site, const Storage& storage,
                                   const LoadOptions& options) {
  return ArrayLoader(config, spec, site, storage, options).Load();
}

absl::StatusOr<Dataset> LoadDataset(const DatasetConfig& config, const job::JobSpec& spec,
                                    const SiteId& site, const Storage& storage,
                                    const LoadOptions& options) {
  return config.format == Format::kArray ? LoadArrays(config, spec, site, storage, options)
                                         : LoadCsv(config, spec, site, storage, options);
}

}  // namespace consilium::client::data
