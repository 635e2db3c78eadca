// The update file: what a site writes to its own disk, sends, and the server spools, byte for byte.
//
// Header (docs/formats/update.md), then the payload of the layout. Its digest is the SHA-256 of
// the whole file. Version 1 has no kernel and is what an update without one still is.
#ifndef CONSILIUM_COMMON_WIRE_UPDATE_FILE_H_
#define CONSILIUM_COMMON_WIRE_UPDATE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"

namespace consilium::wire {

// No header is longer, so a reader may read this many bytes (or the whole file, if shorter) first.
inline constexpr size_t kMaxUpdateHeaderBytes = size_t{64} * 1024;

struct UpdateHeader {
  TaskKey key;
  Digest base_state;              // manifest digest of the state it started from
  Digest layout;                  // wire::DigestOf(layout)
  uint32_t weight = 1;            // sample count n, 1..sum::kMaxWeight
  std::vector<uint64_t> support;  // rows behind each tensor, in layout order
  uint64_t payload_bytes = 0;     // a multiple of 8
  // What computed the values, where their bits depend on it (learn::TrainKernel); a valid name.
  std::string kernel = {};
  friend bool operator==(const UpdateHeader&, const UpdateHeader&) = default;
};

// REQUIRES: a well-formed key (job of 16 hex digits, valid site name, step from 1), and the bounds
// above.
Bytes EncodeUpdateHeader(const UpdateHeader& header);

struct ParsedUpdateHeader {
  UpdateHeader header;
  uint64_t header_bytes = 0;  // the payload starts here (a multiple of 8)
};
// `head` is the start of the file. kProtocol when malformed, kFormatVersion when newer.
absl::StatusOr<ParsedUpdateHeader> ParseUpdateHeader(ByteSpan head);

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_UPDATE_FILE_H_
