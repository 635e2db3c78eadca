// The fold: the sum so far and the columns of some updates become a new sum in a file.
//
// A pass over column blocks. For each block: the limbs of the sum so far, plus every update's
// values, are written behind each other; no more than a block of limbs is in memory. The bytes are
// those that ExactSum::Serialize gives for the same updates, whatever the order or the grouping
// into passes (common/sum/exact_sum.h): that is why a round may be folded while it goes on.
#ifndef CONSILIUM_SERVER_STORE_UPDATE_FOLD_H_
#define CONSILIUM_SERVER_STORE_UPDATE_FOLD_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/sum/exact_sum.h"
#include "common/sum/sum_rule.h"
#include "server/store/column_reader.h"
#include "server/store/report_sink.h"
#include "server/store/stored_sum.h"

namespace consilium::server::store {

struct FoldInput {
  ColumnReader& columns;
  const StoredSum* previous = nullptr;  // null: nothing was folded yet
  bool hashed = true;  // half the cost of a pass; nobody asks for the digest of a generation
  // The last so many columns add to the first so many tensors only.
  size_t carried = 0;
  size_t carried_tensors = 0;
};

struct Folded {
  Digest digest;  // SHA-256 of the sum's bytes; zeros when not hashed
  uint64_t bytes = 0;
  sum::SumTotals totals;
};

// Appends the sum to `out` and does not sync. With `report`, the mean or sum of each tensor goes
// there, too. kStateCorrupt when the sum so far has changed on disk, kSumOverflow, the errors of
// ColumnReader and of `report`, kStorage*.
absl::StatusOr<Folded> FoldColumns(const sum::SumRule& rule, const FoldInput& input,
                                   AppendFile& out, ReportSink* report);

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_UPDATE_FOLD_H_
