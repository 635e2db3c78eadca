// The parts of a sum's file, docs/formats/sum.md: a head, the limbs, a checksum at the end.
//
// ExactSum writes and reads it whole; the fold on disk writes and reads it a block at a time. Pure.
#ifndef CONSILIUM_COMMON_SUM_SUM_FILE_H_
#define CONSILIUM_COMMON_SUM_SUM_FILE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/sum/sum_rule.h"
#include "common/tensor/layout.h"

namespace consilium::sum {

inline constexpr size_t kSumTailBytes = 8;  // checksum, zero

struct SumHead {
  SumOptions options;
  SumTotals totals;
};

// Bytes before the first limb, and of the whole file.
uint64_t SumHeadBytes(const tensor::Layout& layout);
uint64_t SumFileBytes(const tensor::Layout& layout);

Bytes EncodeSumHead(const tensor::Layout& layout, const SumHead& head);
// `bytes` begins with a head. kUpdateLayout when it is over another layout, kFormatVersion,
// kStateCorrupt.
absl::StatusOr<SumHead> DecodeSumHead(const tensor::Layout& layout, ByteSpan bytes);

// The checksum runs over head and limbs in the order of the file; it begins at 0.
Bytes EncodeSumTail(uint32_t crc);
// kStateCorrupt unless it is the tail of a file with this checksum.
absl::Status CheckSumTail(ByteSpan bytes, uint32_t crc);

}  // namespace consilium::sum

#endif  // CONSILIUM_COMMON_SUM_SUM_FILE_H_
