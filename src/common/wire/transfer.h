// How states and updates travel, as plain values: by calls (Fetch, Submit), and small ones in the
// frames of the standing stream (docs/formats/stream.md).
//
// wire/messages_proto.h converts them.
#ifndef CONSILIUM_COMMON_WIRE_TRANSFER_H_
#define CONSILIUM_COMMON_WIRE_TRANSFER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/ids.h"

namespace consilium::wire {

inline constexpr size_t kMaxChunkBytes = size_t{1024} * 1024;
inline constexpr size_t kMaxInlineStateBytes = size_t{64} * 1024;
inline constexpr size_t kMaxStreamedUpdateBytes = size_t{64} * 1024;

// What a peer can do beyond protocol 1; said in Hello and Welcome.
inline constexpr std::string_view kStateInOffer = "state_in_offer";      // a site
inline constexpr std::string_view kUpdateInStream = "update_in_stream";  // a server

// One contribution's name everywhere: an update is counted at most once per key.
struct TaskKey {
  JobId job;
  StepNumber step;
  SiteId site;
  friend auto operator<=>(const TaskKey&, const TaskKey&) = default;
};

// ---- by calls

// Binds an upload to its bytes. Another digest for a key starts at 0 before acceptance and is
// refused (kUpdateConflict) after.
struct UploadHeader {
  TaskKey key;
  Epoch epoch;
  Digest digest;        // SHA-256 of the whole update file
  uint64_t bytes = 0;   // its length
  uint64_t offset = 0;  // of the first payload byte that follows
};

struct Receipt {
  TaskKey key;
  Digest digest;
  std::string key_id;  // of the signing key; empty until receipts are signed
  Bytes signature;
};

// A state's manifest or broadcast part, from an offset.
struct FetchRequest {
  Epoch epoch;
  Digest digest;
  uint64_t offset = 0;
};

// How far an upload got, and how far it may go. The receipt comes once, at the end.
struct SubmitReply {
  uint64_t written = 0;
  uint64_t send_until = 0;
  std::optional<Receipt> receipt;
};

// ---- in the standing stream

// The state of an offer, where it is small. Not to be believed before its digests are checked.
struct InlineState {
  Bytes manifest;
  Bytes broadcast;  // at most kMaxInlineStateBytes
};

// A small update, whole. Its answer is an UpdateReply; docs/formats/stream.md.
struct StreamedUpdate {
  JobId job;
  StepNumber step;
  Digest digest;  // of `file`
  Bytes file;     // at most kMaxStreamedUpdateBytes
};

// Answers a StreamedUpdate.
struct UpdateReply {
  JobId job;
  StepNumber step;
  Digest digest;
  bool accepted = false;  // else it was not taken here: Submit says why
  std::string key_id;     // of the receipt
  Bytes signature;
};

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_TRANSFER_H_
