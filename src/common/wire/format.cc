#include "common/wire/format.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "fmt/format.h"

namespace consilium::wire {
namespace {

constexpr size_t kMagicBytes = 8;

}  // namespace

void PutPrelude(ByteWriter& writer, const Format& format) {
  CN_CHECK(format.magic.size() == kMagicBytes);
  writer.PutBytes(AsBytes(format.magic));
  writer.Put(format.version);
}

absl::Status CheckPrelude(ByteReader& reader, const Format& format) {
  const ByteSpan magic = reader.GetBytes(kMagicBytes);
  const auto version = reader.Get<uint32_t>();
  if (!reader.ok()) return Malformed(format, "it ends within its first 12 bytes");
  if (AsText(magic) != format.magic) return Malformed(format, "its first 8 bytes are another's");
  if (version > format.version) {
    return Error(ErrorCode::kFormatVersion,
                 fmt::format("{} has format version {}, this program reads up to {}", format.noun,
                             version, format.version),
                 "update this program, or use the one that wrote it");
  }
  if (version == 0) return Malformed(format, "its format version is 0, want at least 1");
  return absl::OkStatus();
}

absl::Status Malformed(const Format& format, std::string_view what) {
  return Error(format.malformed, fmt::format("{}: {}", format.noun, what));
}

void PutDigest(ByteWriter& writer, const Digest& digest) {
  writer.PutBytes(std::as_bytes(std::span(digest.bytes)));
}

Digest GetDigest(ByteReader& reader) {
  Digest digest;
  const ByteSpan bytes = reader.GetBytes(digest.bytes.size());
  if (!bytes.empty()) std::memcpy(digest.bytes.data(), bytes.data(), bytes.size());
  return digest;
}

bool IsZero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace consilium::wire
