// What an UpdateStore is asked for and answers with: an open step, an accepted update, the sum.
#ifndef CONSILIUM_SERVER_STORE_STEP_UPDATES_H_
#define CONSILIUM_SERVER_STORE_STEP_UPDATES_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/sum/exact_sum.h"
#include "common/tensor/layout.h"
#include "common/wire/transfer.h"
#include "server/store/column_reader.h"

namespace consilium::server::store {

// What is on disk, and not only written, when a receipt is given: the update, or nothing before its
// step is committed (durability = "round": a power cut may then cost the running round's updates).
enum class Sync { kUpdate, kStep };

// What a step takes: uploads for anything else are refused (kUpdateUnknownTask).
struct OpenStep {
  JobId job;
  StepNumber step;
  Digest base_state;
  tensor::Layout layout;
  sum::SumOptions sum = {};
  bool keep_updates = false;  // a fold deletes no spool
  Sync sync = Sync::kUpdate;
  bool late = false;  // closed and committed: only what is carried to a later step still comes
  bool fold = true;   // false: its aggregate needs all updates side by side, so spools stay
};

struct AcceptedUpdate {
  wire::TaskKey key;
  Digest digest;
  uint32_t weight = 1;  // as sent; capped when summed
  uint64_t bytes = 0;
  std::string kernel = {};  // as its header says; may be empty
};

// An accepted update of an older step that counts in this one, by its staleness.
struct CarriedUpdate {
  AcceptedUpdate update;
  Digest base_state;    // that it started from
  uint32_t weight = 1;  // that it counts here
};
struct CarriedUpdates {
  std::vector<CarriedUpdate> updates;
  // They add to the first so many tensors. What stands behind them is about a state that is past.
  size_t tensors = 0;
};

// An update to be folded, and what is kept of it when its spool is gone.
struct UpdateNote {
  SiteId site;
  Bytes note;
};

// The sum of a step, written.
struct StepSum {
  Digest digest;
  sum::SumTotals totals;
};

// The updates of a step side by side, by their sites' names, whatever order they came in.
struct StepColumns {
  std::vector<SiteId> sites;
  ColumnReader reader;
};

// What happens to the spools of a step that is over.
enum class Spools { kGo, kStay };

// Journals acceptances; returns when they are on disk, or with kStep when they are written.
using AcceptJournal = std::function<absl::Status(std::span<const AcceptedUpdate>, Sync)>;

// A small update that came in one piece.
struct WholeUpdate {
  wire::TaskKey key;
  Digest digest;
  ByteSpan file;  // outlives the call
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_STEP_UPDATES_H_
