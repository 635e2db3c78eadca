// Chunks (proto Chunk and ModelChunk) read and written raw, so that payload bytes are never copied:
// they stay in the slices that the transport received, and go out as a slice of their own.
//
// Wire form (docs/formats/chunk.md): 0x0a, length, ChunkHeader; 0x7a, length, payload. A message
// of that form is read in place: the header is gathered first, since it may straddle slices of any
// size and alignment, and the payload is handed on as the slices it lies in. Anything else that is
// valid Protobuf (fields in another order, unknown fields behind the payload) is read in full.
// Stateless; thread-safe.
#ifndef CONSILIUM_COMMON_WIRE_CHUNK_H_
#define CONSILIUM_COMMON_WIRE_CHUNK_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/wire/messages.h"

namespace consilium::wire {

// A whole Chunk message is never longer.
inline constexpr size_t kMaxChunkMessageBytes = kMaxChunkBytes + 4096;

struct ChunkHeader {
  uint64_t offset = 0;           // of the first payload byte in the whole
  uint64_t total = 0;            // length of the whole; 0 = not told
  std::optional<Digest> digest;  // of the whole; in the first chunk
  // Submit only, in the first chunk; empty elsewhere.
  Epoch epoch;
  JobId job;
  StepNumber step;
  friend bool operator==(const ChunkHeader&, const ChunkHeader&) = default;
};

struct ParsedChunk {
  ParsedChunk() = default;
  ParsedChunk(ParsedChunk&&) = default;
  ParsedChunk& operator=(ParsedChunk&&) = default;

  ChunkHeader header;
  // In order; views of the slices given to ParseChunk, or of `copied`.
  std::vector<ByteSpan> payload;
  uint64_t payload_bytes = 0;
  Bytes copied;  // empty unless the message was read in full
};

// `slices` is one message and outlives the result's views. kProtocol: malformed, a digest that has
// not 32 bytes, a job id that is none, a payload beyond `total`. kMessageTooLarge: a payload above
// kMaxChunkBytes or a message above kMaxChunkMessageBytes.
// O(header + slices); O(message) when it was read in full.
absl::StatusOr<ParsedChunk> ParseChunk(std::span<const ByteSpan> slices);

// What stands before the payload. REQUIRES: 0 < payload_bytes <= kMaxChunkBytes, or 0: then the
// message has no payload and this is all of it.
Bytes EncodeChunkPrefix(const ChunkHeader& header, uint64_t payload_bytes);

// The first chunk of an upload names what it is; kProtocol when digest, job, step or total is
// missing. `site` is the caller's, from its certificate.
absl::StatusOr<UploadHeader> UploadHeaderOf(const ChunkHeader& header, const SiteId& site);
// The header of an upload's first chunk.
ChunkHeader ChunkHeaderOf(const UploadHeader& upload);

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_CHUNK_H_
