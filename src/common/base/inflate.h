// Compressed bytes whole in memory: gzip (RFC 1952, all members) and raw deflate (RFC 1951, as in
// ZIP). Checked against the checksums they carry, and never larger than they may be: deflate makes
// at most 1,032 bytes of one, so a claim beyond that is refused before any memory is taken.
// Pure; thread-safe. `name` is the file's, for errors. O(output).
#ifndef CONSILIUM_COMMON_BASE_INFLATE_H_
#define CONSILIUM_COMMON_BASE_INFLATE_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/storage.h"

namespace consilium {

// Most bytes of a file that is read whole, before and after.
inline constexpr uint64_t kMaxWholeFileBytes = uint64_t{1} << 32;

bool IsGzip(ByteSpan bytes);
// kDataSyntax when damaged, kDataTooLarge above `most` bytes.
absl::StatusOr<Bytes> InflateGzip(ByteSpan bytes, std::string_view name,
                                  uint64_t most = kMaxWholeFileBytes);
// To exactly `size` bytes; kDataSyntax otherwise, kDataTooLarge.
absl::StatusOr<Bytes> InflateRaw(ByteSpan bytes, uint64_t size, std::string_view name);

// A file in memory.
class BytesReader final : public FileReader {
 public:
  explicit BytesReader(Bytes bytes) : bytes_(std::move(bytes)) {}
  absl::Status ReadAt(uint64_t offset, std::span<std::byte> out) const override;
  uint64_t size() const override { return bytes_.size(); }

 private:
  const Bytes bytes_;
};

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_INFLATE_H_
