// A dataset as training sees it: a design matrix, labels, and a split. Rows with missing values are
// gone and counted, but for features that the job wants filled: these are NaN; categories have
// become dummies.
//
// [rows, columns] float64, row-major, in the order of the job's features (dummies in level order,
// then the indicator if there is one).
// Labels: 0/1 (logistic, mlp without label levels), class index (softmax, mlp with levels), value
// (linear), time with the sign of the event (cox: -t where the row was censored); NaN where
// Labels::kOptional found none. rows_read = train.rows() + test.rows() + rows_incomplete +
// rows_in_no_split. A plain value; shared as shared_ptr<const Dataset>.
#ifndef CONSILIUM_CLIENT_DATA_DATASET_H_
#define CONSILIUM_CLIENT_DATA_DATASET_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/digest.h"

namespace consilium::client::data {

struct Split {
  uint32_t columns = 0;
  std::vector<double> x;              // rows * columns
  std::vector<double> y;              // rows
  std::vector<uint64_t> places = {};  // of each row among all data rows of the file, from 1
  uint64_t rows() const { return y.size(); }
};

// A row that was dropped, and the first of the job's columns that it misses.
struct IncompleteRow {
  uint64_t place = 0;   // among all data rows of the file, from 1
  uint32_t column = 0;  // of the job's features; behind the last one: the label
};

struct Dataset {
  Split train;
  Split test;
  uint64_t rows_read = 0;                 // after the filter
  uint64_t rows_filtered = 0;             // left out by the filter
  uint64_t rows_incomplete = 0;           // dropped: a missing value in a used column
  uint64_t rows_in_no_split = 0;          // dropped: the fold column says neither train nor test
  std::vector<IncompleteRow> incomplete;  // which ones, in file order
  bool has_label_column = true;           // false only with Labels::kOptional
  // Covers the file's bytes, filter, split and columns: what statistics are cached under.
  Digest digest;
};

// Hears now and then, while a dataset is read, how many bytes of how many are through. False stops
// the reading with absl::CancelledError.
using ReadProgress = std::function<bool(uint64_t done, uint64_t total)>;

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_DATASET_H_
