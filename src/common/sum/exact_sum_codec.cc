// A sum as bytes and back: docs/formats/sum.md.
#include <cstring>

#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/sum/exact_sum.h"
#include "common/sum/sum_file.h"

namespace consilium::sum {

Bytes ExactSum::Serialize() const {
  Bytes out = EncodeSumHead(rule_.layout(), {rule_.options(), totals_});
  out.reserve(SumFileBytes(rule_.layout()));
  ByteWriter writer(out);
  writer.PutBytes(std::as_bytes(std::span(limbs_)));
  writer.PutBytes(EncodeSumTail(Crc32Of(out)));
  return out;
}

absl::StatusOr<ExactSum> ExactSum::Deserialize(const tensor::Layout& layout, ByteSpan bytes) {
  CN_ASSIGN_OR_RETURN(const SumHead head, DecodeSumHead(layout, bytes));
  if (bytes.size() != SumFileBytes(layout)) {
    return Error(ErrorCode::kStateCorrupt, "a sum's file: it is too short or too long");
  }
  const ByteSpan covered = bytes.first(bytes.size() - kSumTailBytes);
  CN_RETURN_IF_ERROR(CheckSumTail(bytes.last(kSumTailBytes), Crc32Of(covered)));
  CN_ASSIGN_OR_RETURN(ExactSum sum, Create(layout, head.options));
  sum.totals_ = head.totals;
  const ByteSpan limbs = covered.subspan(SumHeadBytes(layout));
  if (!limbs.empty()) std::memcpy(sum.limbs_.data(), limbs.data(), limbs.size());
  return sum;
}

}  // namespace consilium::sum
