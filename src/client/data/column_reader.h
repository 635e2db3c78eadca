// Turns the cells of one column into what a job wants of it: a number, 0 or 1, or a level's index.
// Immutable; thread-safe. Errors name the column and what was wanted, never the cell; the caller
// adds the place.
#ifndef CONSILIUM_CLIENT_DATA_COLUMN_READER_H_
#define CONSILIUM_CLIENT_DATA_COLUMN_READER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data/cell_value.h"
#include "client/data/dataset_config.h"
#include "common/base/error.h"
#include "common/job/job_spec.h"

namespace consilium::client::data {

// What a job asks of a column.
struct ColumnWish {
  std::string name;  // logical
  job::ColumnType type = job::ColumnType::kNumber;
  std::vector<std::string> levels;  // kCategory
  std::string other = {};           // the level of a cell that is none of them; empty: an error
};

// What it asks of the label's, and of the event's where there is one.
ColumnWish LabelWish(const job::DataSpec& data);
ColumnWish EventWish(const job::DataSpec& data);
// A time and whether the event happened then, as one number: -t where it did not (common/learn,
// survival.h).
absl::StatusOr<double> OutcomeOf(const job::DataSpec& data, double time, double event);

ColumnWish FeatureWish(const job::FeatureSpec& feature);
// The design columns of a feature's value, at the end of `x`; of a missing one NaN.
void AppendFeature(const job::FeatureSpec& feature, std::optional<double> value,
                   std::vector<double>& x);

class ColumnReader {
 public:
  // `config`: the site's, or nullptr where it has none for this name.
  ColumnReader(ColumnWish wish, const ColumnConfig* config);

  const std::string& name() const { return wish_.name; }
  const std::string& file_column() const { return file_column_; }
  // True where every number that there may be in a cell is its own value.
  bool plain() const {
    return wish_.type == job::ColumnType::kNumber && positive_.empty() && mapped_from_.empty();
  }
  // The value of a trimmed cell that is not missing: the number, 0 or 1, or the level's index.
  // kDataBadCell, kDataUnknownLevel.
  absl::StatusOr<double> Read(std::string_view cell) const;

 private:
  absl::StatusOr<double> ReadBinary(std::string_view cell) const;
  absl::StatusOr<double> ReadLevel(std::string_view cell) const;
  std::string Named() const;

  ColumnWish wish_;
  std::string file_column_;
  TextIndex positive_;
  TextIndex levels_;
  TextIndex mapped_from_;
  std::vector<std::string> mapped_to_;
};

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_COLUMN_READER_H_
