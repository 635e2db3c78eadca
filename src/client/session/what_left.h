// The site's own journal of what left the building: one record before each send, by name.
//
// docs/formats/what_left.md. Records: an update that is about to be sent, the receipt that came
// back, the outcome, a copy that was deleted without one (its job ended), and the file that a new
// one follows. Replaying them gives what is still held. Pure codecs; thread-safe.
#ifndef CONSILIUM_CLIENT_SESSION_WHAT_LEFT_H_
#define CONSILIUM_CLIENT_SESSION_WHAT_LEFT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

// The journal's record kinds. A number never changes its meaning.
enum class SiteRecord : uint16_t {
  kLeft = 1,
  kReceipt = 2,
  kOutcome = 3,
  kForgotten = 4,
  kContinued = 5
};

struct LeftTensor {
  std::string name;
  tensor::Tag tag = tensor::Tag::kUpdate;
  friend bool operator==(const LeftTensor&, const LeftTensor&) = default;
};

// An update file that lies on this site's disk and may be sent from now on.
struct LeftRecord {
  JobId job;
  StepNumber step;
  wire::Workload workload = wire::Workload::kTrain;
  Digest digest;  // of the whole file
  uint64_t bytes = 0;
  Digest base_state;
  UtcMillis time = 0;
  std::string researcher;
  std::vector<LeftTensor> tensors;
};

// The other three: what became of it. `text`: the key id of a receipt, the reason of an outcome.
struct SettledRecord {
  JobId job;
  StepNumber step;
  UtcMillis time = 0;
  wire::OutcomeKind outcome = wire::OutcomeKind::kCounted;  // kOutcome only
  Digest digest;                                            // kReceipt only
  std::string text;
  Bytes signature;  // kReceipt only
};

// The first record of a file that follows another, which was kept aside whole.
struct ContinuedRecord {
  uint64_t number = 0;  // journal.<number>
  uint64_t bytes = 0;   // its length
  Digest digest;        // SHA-256 of the whole file
  UtcMillis time = 0;
};

Bytes EncodeLeft(const LeftRecord& record);
absl::StatusOr<LeftRecord> DecodeLeft(ByteSpan payload);  // kJournalCorrupt
Bytes EncodeSettled(const SettledRecord& record);
absl::StatusOr<SettledRecord> DecodeSettled(ByteSpan payload);  // kJournalCorrupt
Bytes EncodeContinued(const ContinuedRecord& record);
absl::StatusOr<ContinuedRecord> DecodeContinued(ByteSpan payload);  // kJournalCorrupt

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_WHAT_LEFT_H_
