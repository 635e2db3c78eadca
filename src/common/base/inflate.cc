#include "common/base/inflate.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium {
namespace {

constexpr uint64_t kMostExpansion = 1032;  // of deflate: a block of runs of 258 bytes in 2 bits
constexpr size_t kGzipTrailer = 8;         // CRC-32, then the size modulo 2^32

struct FreeInflater {
  void operator()(libdeflate_decompressor* inflater) const {
    libdeflate_free_decompressor(inflater);
  }
};
using Inflater = std::unique_ptr<libdeflate_decompressor, FreeInflater>;

absl::Status Damaged(std::string_view name) {
  return Error(ErrorCode::kDataSyntax,
               fmt::format("`{}` is compressed and damaged, or cut off", name),
               "copy the file again; `gzip -t FILE` checks it");
}

absl::Status TooLarge(std::string_view name, uint64_t most) {
  return Error(ErrorCode::kDataTooLarge,
               fmt::format("`{}` is more than {} bytes when unpacked", name, most),
               "cut it into several datasets");
}

}  // namespace

bool IsGzip(ByteSpan bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

absl::StatusOr<Bytes> InflateGzip(ByteSpan bytes, std::string_view name, uint64_t most) {
  const Inflater inflater(libdeflate_alloc_decompressor());
  if (inflater == nullptr) return Error(ErrorCode::kDataTooLarge, "no memory left to unpack with");
  Bytes out;
  // The last member's size is what a file of one member, which is nearly every file, unpacks to.
  uint32_t claim = 0;
  if (bytes.size() > kGzipTrailer) std::memcpy(&claim, &bytes[bytes.size() - 4], sizeof claim);
  uint64_t room = std::clamp<uint64_t>(claim, 1, bytes.size() * kMostExpansion);
  while (!bytes.empty()) {
    if (out.size() + room > most) room = most - out.size();
    const size_t before = out.size();
    out.resize(before + room);
    size_t read = 0, written = 0;
    const libdeflate_result result = libdeflate_gzip_decompress_ex(
        inflater.get(), bytes.data(), bytes.size(), &out[0] + before, room, &read, &written);
    out.resize(before + (result == LIBDEFLATE_SUCCESS ? written : 0));
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      if (before + room >= most) return TooLarge(name, most);
      if (room >= bytes.size() * kMostExpansion) return Damaged(name);
      room *= 2;
      continue;
    }
    if (result != LIBDEFLATE_SUCCESS) return Damaged(name);
    bytes = bytes.subspan(read);
    if (!bytes.empty() && !IsGzip(bytes)) return Damaged(name);
  }
  return out;
}

absl::StatusOr<Bytes> InflateRaw(ByteSpan bytes, uint64_t size, std::string_view name) {
  if (size > kMaxWholeFileBytes) return TooLarge(name, kMaxWholeFileBytes);
  if (size > bytes.size() * kMostExpansion) return Damaged(name);
  const Inflater inflater(libdeflate_alloc_decompressor());
  if (inflater == nullptr) return Error(ErrorCode::kDataTooLarge, "no memory left to unpack with");
  Bytes out(size);
  const libdeflate_result result = libdeflate_deflate_decompress(
      inflater.get(), bytes.data(), bytes.size(), out.data(), out.size(), nullptr);
  if (result != LIBDEFLATE_SUCCESS) return Damaged(name);
  return out;
}

absl::Status BytesReader::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
    return Error(ErrorCode::kStorageIo, "a read behind the end of a file in memory");
  }
  if (!out.empty()) std::memcpy(out.data(), &bytes_[offset], out.size());
  return absl::OkStatus();
}

}  // namespace consilium
