// Where the columns of a job are in a dataset of arrays: of each feature, of the label and its
// event, and of what the filter reads. Found once, by name, before any row is read.
// A plain value; thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_ARRAY_COLUMNS_H_
#define CONSILIUM_CLIENT_DATA_ARRAY_COLUMNS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data/array_part.h"
#include "client/data/column_reader.h"
#include "client/data/dataset_config.h"
#include "client/data/load_options.h"
#include "common/job/job_spec.h"

namespace consilium::client::data {

// Where a column's cells come from: a column of the array, or one of the three others.
struct ArrayOrigin {
  enum class Kind { kArray, kLabel, kRow, kPart };
  Kind kind = Kind::kArray;
  uint64_t column = 0;
};

struct ArraySource {
  ColumnReader reader;
  ArrayOrigin origin;
};

struct ArrayColumns {
  std::vector<ArraySource> features;  // in the job's order
  std::optional<ArraySource> label;   // none: the dataset has no labels, and need not
  std::optional<ArraySource> event;   // of a job that has one, with `label`
  std::vector<ArrayOrigin> filter;    // in the order of config.filter.columns()
  double divisor = 1;                 // of the array's values
};

// By the shape and type of `part`, which trains. kDataMissingColumn says what there is; kDataSyntax
// when `names` are too many or too few.
absl::StatusOr<ArrayColumns> FindArrayColumns(const ArrayPart& part, const DatasetConfig& config,
                                              const job::DataSpec& data, Labels labels);

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_ARRAY_COLUMNS_H_
