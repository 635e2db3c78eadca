// A delimited text file as a job needs it: only the columns the job uses, checked cell by cell.
//
// In file order, per row: the filter; then the split; then, if no used column is missing, the
// numbers. A hold-out is decided by the row's number in the file and a key of site and dataset, not
// by what is in the row, its filter or the job: the same row is test in every job, and rows added
// at the end move none. In each block of 20 rows the share is kept exactly (to the rounding).
//
// Errors: kFileNotFound and the like; kDataSyntax; kDataMissingColumn with the nearest names;
// kDataBadCell and kDataUnknownLevel with file:line:column, the column's name and what was wanted,
// never the cell; kDataTooLarge; absl::CancelledError where `progress` says so. Cost: one pass over
// the file; memory for the kept numbers only. Thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_CSV_DATASET_H_
#define CONSILIUM_CLIENT_DATA_CSV_DATASET_H_

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "client/data/dataset_config.h"
#include "common/base/ids.h"
#include "common/base/storage.h"
#include "common/job/job_spec.h"

namespace consilium::client::data {

// Most numbers in one dataset's design matrices (4 GiB).
inline constexpr uint64_t kMaxDatasetValues = uint64_t{1} << 29;

// Whether a row needs a label. Training and evaluation go without a row that has none. For a
// prediction it is optional: the row is kept, with NaN as its label; and in a file without the
// label's column, which is not there to be learned from, no row is split off: all are test rows,
// and the fold column may be absent too.
enum class Labels { kRequired, kOptional };

struct LoadOptions {
  ReadProgress progress = nullptr;
  Labels labels = Labels::kRequired;
};

// REQUIRES: config.name == spec.data.dataset.
absl::StatusOr<Dataset> LoadCsv(const DatasetConfig& config, const job::JobSpec& spec,
                                const SiteId& site, const Storage& storage,
                                const LoadOptions& options = {});

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_CSV_DATASET_H_
