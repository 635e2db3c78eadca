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
// the file; memory for the kept numbers only, and for the file where it is gzipped. Thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_CSV_DATASET_H_
#define CONSILIUM_CLIENT_DATA_CSV_DATASET_H_

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "client/data/dataset_config.h"
#include "client/data/load_options.h"
#include "common/base/ids.h"
#include "common/base/storage.h"
#include "common/job/job_spec.h"

namespace consilium::client::data {

// REQUIRES: config.name == spec.data.dataset.
absl::StatusOr<Dataset> LoadCsv(const DatasetConfig& config, const job::JobSpec& spec,
                                const SiteId& site, const Storage& storage,
                                const LoadOptions& options = {});

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_CSV_DATASET_H_
