#include "client/data/csv_dataset.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/data/cell_value.h"
#include "client/data/column_reader.h"
#include "client/data/csv_reader.h"
#include "client/data/dataset_digest.h"
#include "client/data/holdout.h"
#include "common/base/error.h"
#include "common/base/inflate.h"
#include "common/base/status_macros.h"
#include "common/config/nearest.h"
#include "fmt/format.h"

namespace consilium::client::data {
namespace {

class CsvLoader {
 public:
  CsvLoader(const DatasetConfig& config, const job::JobSpec& spec, const SiteId& site,
            const FileReader& file, const LoadOptions& options)
      : config_(config),
        spec_(spec),
        site_(site),
        file_bytes_(file.size()),
        options_(options),
        reader_(file, std::filesystem::path(config.path).filename().string(), config.separator),
        holdout_(config.split.holdout, site, config.name),
        missing_(config.missing),
        train_folds_(config.split.train),
        test_folds_(config.split.test) {}

  absl::StatusOr<Dataset> Load() {
    CN_RETURN_IF_ERROR(ReadHeader());
    CN_RETURN_IF_ERROR(FindColumns());
    dataset_.train.columns = dataset_.test.columns = spec_.design_columns();
    while (true) {
      CN_ASSIGN_OR_RETURN(const bool more, NextRecord());
      if (!more) break;
      CN_RETURN_IF_ERROR(TakeRow());
      CN_RETURN_IF_ERROR(Report());
    }
    dataset_.digest = DatasetDigest(reader_.FileDigest(), config_, spec_.data, site_);
    return std::move(dataset_);
  }

 private:
  struct Source {
    ColumnReader reader;
    size_t index;  // in the file
  };

  // Once per piece of the file.
  absl::Status Report() {
    if (!options_.progress || reader_.bytes_read() == reported_) return absl::OkStatus();
    reported_ = reader_.bytes_read();
    if (options_.progress(reported_, file_bytes_)) return absl::OkStatus();
    return absl::CancelledError("the reading of the dataset was stopped");
  }

  absl::StatusOr<bool> NextRecord() {
    if (std::exchange(first_row_waits_, false)) return true;
    return reader_.Next(record_);
  }

  // Fills names_: from the first line, or the configuration.
  absl::Status ReadHeader() {
    CN_ASSIGN_OR_RETURN(const bool any, reader_.Next(record_));
    if (!any) {
      return ErrorAt(ErrorCode::kDataSyntax, reader_.PlaceOf(0, 0),
                     fmt::format("the file of dataset `{}` is empty", config_.name));
    }
    first_row_waits_ = !config_.header;
    names_ = config_.names;
    if (!config_.names.empty()) return absl::OkStatus();
    header_line_ = record_.line(0);
    for (size_t i = 0; i < record_.size(); ++i) {
      names_.emplace_back(TrimCell(record_.cell(i)));
      if (!config_.header_sure && LooksLikeData(names_.back())) {
        return ErrorAt(ErrorCode::kDataSyntax, Where(i),
                       "the first line holds data, want the names of the columns",
                       fmt::format("name them under [datasets.{}]: names = [..]; if the line is a "
                                   "header, say header = true",
                                   config_.name));
      }
    }
    return absl::OkStatus();
  }

  bool LooksLikeData(std::string_view name) const {
    return NumberOf(name).has_value() || (!name.empty() && missing_.Find(name).has_value());
  }

  absl::Status FindColumns() {
    for (const job::FeatureSpec& feature : spec_.data.features) {
      CN_RETURN_IF_ERROR(AddSource(ReaderOf(FeatureWish(feature))));
    }
    ColumnReader label = ReaderOf(LabelWish(spec_.data));
    dataset_.has_label_column = options_.labels == Labels::kRequired || Has(label.file_column());
    if (!spec_.data.event.empty()) {
      ColumnReader event = ReaderOf(EventWish(spec_.data));
      dataset_.has_label_column = options_.labels == Labels::kRequired ||
                                  (dataset_.has_label_column && Has(event.file_column()));
      if (dataset_.has_label_column) CN_RETURN_IF_ERROR(AddSource(std::move(label)));
      if (dataset_.has_label_column) CN_RETURN_IF_ERROR(AddSource(std::move(event)));
    } else if (dataset_.has_label_column) {
      CN_RETURN_IF_ERROR(AddSource(std::move(label)));
    }
    for (const std::string& column : config_.filter.columns()) {
      CN_ASSIGN_OR_RETURN(const size_t index, IndexOf(column, column, "the filter reads"));
      filter_columns_.push_back(index);
    }
    if (!config_.split.time_column.empty() && dataset_.has_label_column) {
      const std::string& column = config_.split.time_column;
      CN_ASSIGN_OR_RETURN(time_column_, IndexOf(column, column, "the split reads"));
    }
    if (config_.split.fold_column.empty() || !dataset_.has_label_column) return absl::OkStatus();
    CN_ASSIGN_OR_RETURN(fold_column_, IndexOf(config_.split.fold_column, config_.split.fold_column,
                                              "the split reads"));
    return absl::OkStatus();
  }

  ColumnReader ReaderOf(ColumnWish wish) const {
    const auto config = config_.columns.find(wish.name);
    return {std::move(wish), config == config_.columns.end() ? nullptr : &config->second};
  }

  bool Has(const std::string& column) const {
    return std::find(names_.begin(), names_.end(), column) != names_.end();
  }

  absl::Status AddSource(ColumnReader reader) {
    CN_ASSIGN_OR_RETURN(const size_t index,
                        IndexOf(reader.file_column(), reader.name(), "the job names"));
    sources_.push_back({std::move(reader), index});
    return absl::OkStatus();
  }

  // Where `column` is in the file; `wanted` is what it was asked for as.
  absl::StatusOr<size_t> IndexOf(const std::string& column, const std::string& wanted,
                                 std::string_view who) const {
    const auto found = std::find(names_.begin(), names_.end(), column);
    if (found == names_.end()) return NoColumn(column, wanted, who);
    if (std::find(found + 1, names_.end(), column) != names_.end()) {
      return ErrorAt(ErrorCode::kDataSyntax, reader_.PlaceOf(1, 0),
                     fmt::format("dataset `{}` has the column `{}` twice", config_.name, column),
                     "rename one of them in the file, or give `names` in client.toml");
    }
    return static_cast<size_t>(found - names_.begin());
  }

  absl::Status NoColumn(const std::string& column, const std::string& wanted,
                        std::string_view who) const {
    const std::string as = column == wanted ? "" : fmt::format(" (for `{}`)", wanted);
    std::vector<std::string> names = names_;
    for (const auto& [logical, unused] : config_.columns) names.push_back(logical);
    const std::string nearest = config::NearestOf(column, names);
    return ErrorAt(
        ErrorCode::kDataMissingColumn, reader_.PlaceOf(header_line_, 0),
        fmt::format("dataset `{}` has no column `{}`{}, which {}", config_.name, column, as, who),
        nearest.empty()
            ? fmt::format("say which column it is, in client.toml under [datasets.{}.columns]: "
                          "{} = {{ column = \"..\" }}",
                          config_.name, wanted)
            : fmt::format("did you mean `{}`?", nearest));
  }

  absl::Status TakeRow() {
    const bool held_out = holdout_.NextIsTest() || !dataset_.has_label_column;
    ++place_;
    if (record_.size() != names_.size()) {
      return ErrorAt(ErrorCode::kDataSyntax, Where(0),
                     fmt::format("the row has {} cells, want {}", record_.size(), names_.size()),
                     "a cell with a separator in it goes in quotes; `separator` can be set in "
                     "client.toml");
    }
    CN_ASSIGN_OR_RETURN(const bool kept, PassesFilter());
    if (!kept) {
      ++dataset_.rows_filtered;
      return absl::OkStatus();
    }
    ++dataset_.rows_read;
    Split* split = held_out ? &dataset_.test : &dataset_.train;
    if (fold_column_) split = FoldOf(*fold_column_);
    if (time_column_) {
      CN_ASSIGN_OR_RETURN(split, SplitByTime(*time_column_));
    }
    if (split == nullptr) {
      ++dataset_.rows_in_no_split;
      return absl::OkStatus();
    }
    if (const std::optional<size_t> missing = FirstMissing()) {
      ++dataset_.rows_incomplete;
      dataset_.incomplete.push_back({place_, static_cast<uint32_t>(*missing)});
      return absl::OkStatus();
    }
    return AddRow(*split);
  }

  // Of the columns that every row has to have.
  std::optional<size_t> FirstMissing() const {
    const size_t needed =
        options_.labels == Labels::kRequired ? sources_.size() : spec_.data.features.size();
    const auto& features = spec_.data.features;
    for (size_t i = 0; i < needed; ++i) {
      if (i < features.size() && features[i].missing != job::Missing::kDrop) continue;
      if (!CellAt(sources_[i].index)) return i;
    }
    return std::nullopt;
  }

  absl::StatusOr<bool> PassesFilter() {
    size_t bad_column = 0;
    const auto kept = config_.filter.Keeps(
        [&](size_t column) { return CellAt(filter_columns_[column]); }, &bad_column);
    if (kept.ok()) return *kept;
    return Placed(kept.status(), filter_columns_[bad_column]);
  }

  Split* FoldOf(size_t column) {
    const std::optional<std::string_view> fold = CellAt(column);
    if (fold && train_folds_.Find(*fold)) return &dataset_.train;
    if (fold && test_folds_.Find(*fold)) return &dataset_.test;
    return nullptr;
  }

  // As a filter compares: by number where the border is one, else byte by byte.
  absl::StatusOr<Split*> SplitByTime(size_t column) {
    const std::optional<std::string_view> cell = CellAt(column);
    if (!cell) return nullptr;
    const std::string& border = config_.split.test_from;
    bool later = *cell >= border;
    if (const auto from = NumberOf(border)) {
      const auto time = NumberOf(*cell);
      if (!time) {
        return ErrorAt(ErrorCode::kDataBadCell, Where(column),
                       fmt::format("column `{}` has a cell that is not a number, as `test_from` is",
                                   config_.split.time_column),
                       "mend the cell, or write `test_from` as the column writes its times");
      }
      later = *time >= *from;
    }
    return later ? &dataset_.test : &dataset_.train;
  }

  // The trimmed cell; nullopt when it is missing.
  std::optional<std::string_view> CellAt(size_t column) const {
    const std::string_view cell = TrimCell(record_.cell(column));
    if (missing_.Find(cell)) return std::nullopt;
    return cell;
  }

  absl::Status AddRow(Split& split) {
    values_ += spec_.design_columns() + 1;
    if (values_ > kMaxDatasetValues) {
      return ErrorAt(
          ErrorCode::kDataTooLarge, Where(0),
          fmt::format("dataset `{}` holds more than {} numbers", config_.name, kMaxDatasetValues),
          "leave rows out with `filter`, or use fewer features");
    }
    for (size_t i = 0; i < spec_.data.features.size(); ++i) {
      std::optional<double> value;
      if (CellAt(sources_[i].index)) {
        CN_ASSIGN_OR_RETURN(value, ValueOf(sources_[i]));
      }
      AppendFeature(spec_.data.features[i], value, split.x);
    }
    CN_ASSIGN_OR_RETURN(const double label, LabelOfRow());
    split.y.push_back(label);
    split.places.push_back(place_);
    return absl::OkStatus();
  }

  // NaN where it is not known.
  absl::StatusOr<double> LabelOfRow() const {
    const size_t first = spec_.data.features.size();
    for (size_t i = first; i < sources_.size(); ++i) {
      if (!CellAt(sources_[i].index)) return std::numeric_limits<double>::quiet_NaN();
    }
    if (sources_.size() == first) return std::numeric_limits<double>::quiet_NaN();
    CN_ASSIGN_OR_RETURN(const double label, ValueOf(sources_[first]));
    if (spec_.data.event.empty()) return label;
    CN_ASSIGN_OR_RETURN(const double event, ValueOf(sources_[first + 1]));
    const auto outcome = OutcomeOf(spec_.data, label, event);
    if (!outcome.ok()) return Placed(outcome.status(), sources_[first].index);
    return *outcome;
  }

  // REQUIRES: the cell is not missing.
  absl::StatusOr<double> ValueOf(const Source& source) const {
    const auto read = source.reader.Read(*CellAt(source.index));
    if (!read.ok()) return Placed(read.status(), source.index);
    return *read;
  }

  Place Where(size_t column) const {
    return reader_.PlaceOf(record_.line(column), record_.column(column));
  }

  // The same error, with the place of a cell of this row.
  absl::Status Placed(const absl::Status& status, size_t column) const {
    return ErrorAt(CodeOf(status).value_or(ErrorCode::kDataBadCell), Where(column),
                   std::string(status.message()), HelpOf(status));
  }

  const DatasetConfig& config_;
  const job::JobSpec& spec_;
  const SiteId& site_;
  const uint64_t file_bytes_;
  const LoadOptions& options_;
  uint64_t reported_ = 0;
  CsvReader reader_;
  CsvRecord record_;
  Holdout holdout_;
  const TextIndex missing_;
  const TextIndex train_folds_;
  const TextIndex test_folds_;
  bool first_row_waits_ = false;  // record_ holds the first row: the file has no header
  std::vector<std::string> names_;
  int header_line_ = 0;          // 0: the names are not the file's
  std::vector<Source> sources_;  // the features in order, then the label and its event if there are
  std::vector<size_t> filter_columns_;
  std::optional<size_t> fold_column_;
  std::optional<size_t> time_column_;
  uint64_t values_ = 0;
  uint64_t place_ = 0;  // of the row at hand
  Dataset dataset_;
};

}  // namespace

absl::StatusOr<Dataset> LoadCsv(const DatasetConfig& config, const job::JobSpec& spec,
                                const SiteId& site, const Storage& storage,
                                const LoadOptions& options) {
  auto file = storage.OpenRead(config.path);
  if (!file.ok()) {
    return Annotate(file.status(), fmt::format("dataset `{}`", config.name));
  }
  std::array<std::byte, 2> head{};
  if ((*file)->size() > head.size()) CN_RETURN_IF_ERROR((*file)->ReadAt(0, head));
  if (!IsGzip(head)) return CsvLoader(config, spec, site, **file, options).Load();
  const std::string name = std::filesystem::path(config.path).filename().string();
  CN_ASSIGN_OR_RETURN(const Bytes packed, ReadWhole(storage, config.path, kMaxWholeFileBytes));
  CN_ASSIGN_OR_RETURN(Bytes text, InflateGzip(packed, name));
  return CsvLoader(config, spec, site, BytesReader(std::move(text)), options).Load();
}

}  // namespace consilium::client::data
