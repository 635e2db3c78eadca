#include "common/sum/pieces.h"

#include <algorithm>

#include "common/base/error.h"
#include "fmt/format.h"

namespace consilium::sum {
namespace {

// The last tensor that starts at or before `offset`. REQUIRES: a layout with tensors.
size_t TensorAt(const tensor::Layout& layout, uint64_t offset) {
  size_t low = 0;
  size_t high = layout.size();
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    (layout.OffsetOf(middle) <= offset ? low : high) = middle;
  }
  return low;
}

}  // namespace

absl::Status CheckBlock(const tensor::Layout& layout, uint64_t offset, uint64_t length) {
  if (offset % 8 != 0 || length % 8 != 0) {
    return Error(
        ErrorCode::kUpdateLayout,
        fmt::format("block of {} bytes at offset {}, want multiples of 8", length, offset));
  }
  if (offset > layout.payload_bytes() || length > layout.payload_bytes() - offset) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("block of {} bytes at offset {} leaves the payload of {} bytes",
                             length, offset, layout.payload_bytes()));
  }
  return absl::OkStatus();
}

std::vector<Piece> PiecesOf(const tensor::Layout& layout, uint64_t offset, uint64_t length) {
  std::vector<Piece> pieces;
  if (length == 0) return pieces;
  const uint64_t end = offset + length;
  for (size_t i = TensorAt(layout, offset); i < layout.size() && layout.OffsetOf(i) < end; ++i) {
    const tensor::TensorSpec& spec = layout.tensors()[i];
    const uint64_t size = tensor::BytesPerElement(spec.dtype);
    const uint64_t tensor_start = layout.OffsetOf(i);
    const uint64_t tensor_end = tensor_start + tensor::ElementsOf(spec) * size;
    const uint64_t from = std::max(offset, tensor_start);
    const uint64_t until = std::min(end, tensor_end);
    Piece piece;
    piece.tensor = i;
    piece.first = (from - tensor_start) / size;
    piece.count = (until - from) / size;
    piece.position = from - offset;
    piece.padding_bytes = until == tensor_end ? (8 - tensor_end % 8) % 8 : 0;
    pieces.push_back(piece);
  }
  return pieces;
}

}  // namespace consilium::sum
