// What every way to read a dataset can be asked for, and its bound.
#ifndef CONSILIUM_CLIENT_DATA_LOAD_OPTIONS_H_
#define CONSILIUM_CLIENT_DATA_LOAD_OPTIONS_H_

#include <cstdint>

#include "client/data/dataset.h"

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

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_LOAD_OPTIONS_H_
