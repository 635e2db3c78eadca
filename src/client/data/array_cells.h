// What a row of an array means to a job: its features, its label, and the texts that a filter
// compares.
//
// A row whose features are plain numbers of the array is taken in one pass of its type and one that
// scales and looks whether there is anything to decide; where there is (a missing value, one out of
// bounds), and for features of other kinds, cell by cell. Both give the same bits.
// Immutable after construction; thread-safe. Borrows what it is given.
#ifndef CONSILIUM_CLIENT_DATA_ARRAY_CELLS_H_
#define CONSILIUM_CLIENT_DATA_ARRAY_CELLS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/data/array_columns.h"
#include "client/data/array_part.h"
#include "client/data/cell_value.h"
#include "client/data/dataset_config.h"
#include "common/job/job_spec.h"

namespace consilium::client::data {

class ArrayCells {
 public:
  ArrayCells(ArrayColumns columns, const DatasetConfig& config, const job::DataSpec& data);

  const ArrayColumns& columns() const { return columns_; }

  // The design columns of `row`, at the end of `x`. The index of the first feature whose missing
  // value drops the row (`x` is then as it was), else nullopt. Errors have the place of the value.
  absl::StatusOr<std::optional<uint32_t>> AppendFeatures(const ArrayPart& part, uint64_t row,
                                                         std::vector<double>& x) const;
  // nullopt where it is not known.
  absl::StatusOr<std::optional<double>> LabelOf(const ArrayPart& part, uint64_t row) const;
  // nullopt when missing.
  std::optional<std::string> TextAt(const ArrayPart& part, uint64_t row,
                                    const ArrayOrigin& origin) const;
  // The same error, with the place of a value.
  static absl::Status Placed(const absl::Status& status, const ArrayPart& part, uint64_t row,
                             const ArrayOrigin& origin);

 private:
  // False when a value of the row wants a decision; `x` is then as it was.
  bool AppendPlain(const ArrayPart& part, uint64_t row, std::vector<double>& x) const;
  std::optional<double> NumberAt(const ArrayPart& part, uint64_t row,
                                 const ArrayOrigin& origin) const;
  absl::StatusOr<std::optional<double>> ValueOf(const ArrayPart& part, uint64_t row,
                                                const ArraySource& source) const;
  // As images are scaled everywhere: divided, and rounded to float32.
  double Scaled(double value) const {
    return columns_.divisor == 1
               ? value
               : static_cast<double>(static_cast<float>(value / columns_.divisor));
  }

  const ArrayColumns columns_;
  const job::DataSpec& data_;
  const TextIndex missing_;
  std::set<double> missing_numbers_;
  // Of the array, when every feature is a plain number of it that makes one design column.
  std::vector<uint64_t> plain_;
};

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_ARRAY_CELLS_H_
