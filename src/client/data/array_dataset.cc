#include "client/data/array_dataset.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/data/array_cells.h"
#include "client/data/array_columns.h"
#include "client/data/array_part.h"
#include "client/data/csv_dataset.h"
#include "client/data/dataset_digest.h"
#include "client/data/holdout.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "fmt/format.h"

namespace consilium::client::data {
namespace {

constexpr uint64_t kRowsPerReport = 4096;

// Takes the rows of a part into the splits of a dataset.
class ArrayLoader {
 public:
  ArrayLoader(const ArrayCells& cells, const DatasetConfig& config, const job::JobSpec& spec,
              const SiteId& site, const LoadOptions& options)
      : cells_(cells),
        config_(config),
        options_(options),
        holdout_(config.split.holdout, site, config.name),
        filter_cells_(cells.columns().filter.size()) {
    dataset_.train.columns = dataset_.test.columns = spec.design_columns();
    dataset_.has_label_column = cells.columns().label.has_value();
    label_ = static_cast<uint32_t>(spec.data.features.size());
  }

  absl::Status TakeRows(const ArrayPart& part) {
    MakeRoom(part);
    for (uint64_t row = 0; row < part.rows.rows(); ++row) {
      CN_RETURN_IF_ERROR(TakeRow(part, row));
      if (!options_.progress || row % kRowsPerReport != 0) continue;
      if (!options_.progress(row, part.rows.rows())) {
        return absl::CancelledError("the reading of the dataset was stopped");
      }
    }
    return absl::OkStatus();
  }

  Dataset Finish(const Digest& digest) {
    dataset_.digest = digest;
    return std::move(dataset_);
  }

 private:
  // Where every row stays, none of the numbers has to move later.
  void MakeRoom(const ArrayPart& part) {
    if (!config_.filter.columns().empty() || config_.split.holdout > 0) return;
    Split& split = IsTest(part) ? dataset_.test : dataset_.train;
    const uint64_t rows =
        std::min(part.rows.rows(), kMaxDatasetValues / (uint64_t{split.columns} + 1));
    split.x.reserve(split.x.size() + rows * split.columns);
    split.y.reserve(split.y.size() + rows);
    split.places.reserve(split.places.size() + rows);
  }

  bool IsTest(const ArrayPart& part) const { return part.test || !dataset_.has_label_column; }

  absl::Status TakeRow(const ArrayPart& part, uint64_t row) {
    const bool held_out = (part.test ? part.test : holdout_.NextIsTest()) || IsTest(part);
    ++place_;
    CN_ASSIGN_OR_RETURN(const bool kept, PassesFilter(part, row));
    if (!kept) {
      ++dataset_.rows_filtered;
      return absl::OkStatus();
    }
    ++dataset_.rows_read;
    return AddRow(part, row, held_out ? dataset_.test : dataset_.train);
  }

  absl::StatusOr<bool> PassesFilter(const ArrayPart& part, uint64_t row) {
    const std::vector<ArrayOrigin>& origins = cells_.columns().filter;
    if (origins.empty()) return true;
    for (size_t i = 0; i < origins.size(); ++i) {
      filter_cells_[i] = cells_.TextAt(part, row, origins[i]);
    }
    size_t bad_column = 0;
    const auto kept = config_.filter.Keeps(
        [&](size_t column) -> std::optional<std::string_view> { return filter_cells_[column]; },
        &bad_column);
    if (kept.ok()) return *kept;
    return ArrayCells::Placed(kept.status(), part, row, origins[bad_column]);
  }

  absl::Status AddRow(const ArrayPart& part, uint64_t row, Split& split) {
    values_ += uint64_t{split.columns} + 1;
    if (values_ > kMaxDatasetValues) {
      return Error(
          ErrorCode::kDataTooLarge,
          fmt::format("dataset `{}` holds more than {} numbers", config_.name, kMaxDatasetValues),
          "leave rows out with `filter`, or use fewer features");
    }
    const size_t before = split.x.size();
    CN_ASSIGN_OR_RETURN(const auto misses, cells_.AppendFeatures(part, row, split.x));
    if (misses) return DropRow(*misses);
    CN_ASSIGN_OR_RETURN(const std::optional<double> label, cells_.LabelOf(part, row));
    if (!label && options_.labels == Labels::kRequired) {
      split.x.resize(before);
      return DropRow(label_);
    }
    split.y.push_back(label.value_or(std::numeric_limits<double>::quiet_NaN()));
    split.places.push_back(place_);
    return absl::OkStatus();
  }

  absl::Status DropRow(uint32_t column) {
    ++dataset_.rows_incomplete;
    dataset_.incomplete.push_back({place_, column});
    return absl::OkStatus();
  }

  const ArrayCells& cells_;
  const DatasetConfig& config_;
  const LoadOptions& options_;
  Holdout holdout_;
  std::vector<std::optional<std::string>> filter_cells_;
  uint32_t label_ = 0;   // behind the last feature
  uint64_t values_ = 0;  // numbers taken so far
  uint64_t place_ = 0;   // of the row among all, from 1
  Dataset dataset_;
};

}  // namespace

absl::StatusOr<Dataset> LoadArrays(const DatasetConfig& config, const job::JobSpec& spec,
                                   const SiteId& site, const Storage& storage,
                                   const LoadOptions& options) {
  crypto::Sha256 files;
  CN_ASSIGN_OR_RETURN(const ArrayPart train, ReadArrayPart(config, false, storage, files));
  CN_ASSIGN_OR_RETURN(ArrayColumns columns,
                      FindArrayColumns(train, config, spec.data, options.labels));
  const ArrayCells cells(std::move(columns), config, spec.data);
  ArrayLoader loader(cells, config, spec, site, options);
  CN_RETURN_IF_ERROR(loader.TakeRows(train));
  if (!config.array.test.path.empty()) {
    CN_ASSIGN_OR_RETURN(const ArrayPart test, ReadArrayPart(config, true, storage, files));
    CN_RETURN_IF_ERROR(CheckSame(train, test));
    CN_RETURN_IF_ERROR(loader.TakeRows(test));
  }
  return loader.Finish(DatasetDigest(files.Current(), config, spec.data, site));
}

absl::StatusOr<Dataset> LoadDataset(const DatasetConfig& config, const job::JobSpec& spec,
                                    const SiteId& site, const Storage& storage,
                                    const LoadOptions& options) {
  return config.format == Format::kArray ? LoadArrays(config, spec, site, storage, options)
                                         : LoadCsv(config, spec, site, storage, options);
}

}  // namespace consilium::client::data
