#include "server/store/stored_sum.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::server::store {
namespace {

constexpr size_t kVerifyBlockBytes = 256 * 1024;

}  // namespace

StoredSum::StoredSum(std::shared_ptr<const FileReader> file, uint64_t offset, uint64_t head_bytes,
                     const sum::SumHead& head)
    : file_(std::move(file)), offset_(offset), head_bytes_(head_bytes), head_(head) {}

absl::StatusOr<StoredSum> StoredSum::Open(std::shared_ptr<const FileReader> file, uint64_t offset,
                                          const tensor::Layout& layout) {
  const uint64_t wanted = sum::SumFileBytes(layout);
  if (file->size() < offset || file->size() - offset != wanted) {
    return Error(ErrorCode::kStateCorrupt,
                 fmt::format("a sum ends at byte {}, want {}", file->size(), offset + wanted));
  }
  const uint64_t head_bytes = sum::SumHeadBytes(layout);
  Bytes bytes(head_bytes);
  CN_RETURN_IF_ERROR(file->ReadAt(offset, bytes));
  CN_ASSIGN_OR_RETURN(const sum::SumHead head, sum::DecodeSumHead(layout, bytes));
  return StoredSum(std::move(file), offset, head_bytes, head);
}

absl::Status StoredSum::ReadLimbs(uint64_t first, std::span<uint64_t> limbs) const {
  return file_->ReadAt(offset_ + head_bytes_ + first * sizeof(uint64_t),
                       std::as_writable_bytes(limbs));
}

absl::StatusOr<uint32_t> StoredSum::CrcOfHead() const {
  Bytes head(head_bytes_);
  CN_RETURN_IF_ERROR(file_->ReadAt(offset_, head));
  return Crc32Of(head);
}

absl::Status StoredSum::CheckEnd(uint32_t crc) const {
  std::array<std::byte, sum::kSumTailBytes> tail{};
  CN_RETURN_IF_ERROR(file_->ReadAt(file_->size() - tail.size(), tail));
  return sum::CheckSumTail(tail, crc);
}

absl::Status StoredSum::Verify() const {
  uint32_t crc = 0;
  const uint64_t end = file_->size() - sum::kSumTailBytes;
  Bytes block(std::min<uint64_t>(kVerifyBlockBytes, end - offset_));
  for (uint64_t at = offset_; at < end; at += block.size()) {
    const auto part = std::span(block).first(std::min<uint64_t>(block.size(), end - at));
    CN_RETURN_IF_ERROR(file_->ReadAt(at, part));
    crc = Crc32Of(part, crc);
  }
  return CheckEnd(crc);
}

}  // namespace consilium::server::store
