// Rows of an array (array.h) as a job needs them, with labels from a second one.
//
// The columns of the dataset are those of the array, PREFIX0, PREFIX1, .. (or `names`), and three
// more: `label` (the labels), `row` (the row's number in its array, from 0) and `part` ("train", or
// "test" for the rows of `test_path`), by which a filter can choose. A value is divided by
// `divide_by` and rounded to float32. NaN is a missing value; so is what `missing` names. Which
// rows are held out is decided as in a CSV file.
//
// Errors: as LoadCsv; the place of a value is its row and column, both from 1.
// Cost: one pass; memory for the files, unpacked, and the kept numbers. Thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_ARRAY_DATASET_H_
#define CONSILIUM_CLIENT_DATA_ARRAY_DATASET_H_

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "client/data/dataset_config.h"
#include "client/data/load_options.h"
#include "common/base/ids.h"
#include "common/base/storage.h"
#include "common/job/job_spec.h"

namespace consilium::client::data {

// REQUIRES: config.format is kArray, and config.name == spec.data.dataset.
absl::StatusOr<Dataset> LoadArrays(const DatasetConfig& config, const job::JobSpec& spec,
                                   const SiteId& site, const Storage& storage,
                                   const LoadOptions& options = {});

// LoadCsv or LoadArrays, by the format of `config`.
absl::StatusOr<Dataset> LoadDataset(const DatasetConfig& config, const job::JobSpec& spec,
                                    const SiteId& site, const Storage& storage,
                                    const LoadOptions& options = {});

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_ARRAY_DATASET_H_
