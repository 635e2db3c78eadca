// What all file formats of this room share: eight magic bytes, a version, a checksum, zero padding.
//
// Stateless; thread-safe.
#ifndef CONSILIUM_COMMON_WIRE_FORMAT_H_
#define CONSILIUM_COMMON_WIRE_FORMAT_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/error.h"

namespace consilium::wire {

// How a format is told apart. `magic` has 8 bytes; `noun` starts messages ("an update file");
// `malformed` is the code for anything wrong but a newer version (that is kFormatVersion).
struct Format {
  std::string_view magic;
  uint32_t version;
  std::string_view noun;
  ErrorCode malformed;
};

void PutPrelude(ByteWriter& writer, const Format& format);
// Reads magic and version. `reader` stands behind both on success.
absl::Status CheckPrelude(ByteReader& reader, const Format& format);

// "<noun>: <what>" with the format's code.
absl::Status Malformed(const Format& format, std::string_view what);

// The 32 bytes themselves.
void PutDigest(ByteWriter& writer, const Digest& digest);
Digest GetDigest(ByteReader& reader);

bool IsZero(ByteSpan bytes);
// The next multiple of 8.
constexpr uint64_t RoundUp8(uint64_t bytes) { return (bytes + 7) / 8 * 8; }

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_FORMAT_H_
