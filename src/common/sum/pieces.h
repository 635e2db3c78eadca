// Which elements of which tensors a block of a payload holds.
//
// A block begins at a multiple of 8 bytes and its length is one too, so no element straddles two
// blocks and the padding of a tensor (4 bytes, after an odd number of float32) is in the block of
// its last element. Stateless; thread-safe.
#ifndef CONSILIUM_COMMON_SUM_PIECES_H_
#define CONSILIUM_COMMON_SUM_PIECES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "common/tensor/layout.h"

namespace consilium::sum {

struct Piece {
  size_t tensor = 0;
  uint64_t first = 0;          // element of the tensor
  uint64_t count = 0;          // elements
  uint64_t position = 0;       // bytes from the start of the block
  uint64_t padding_bytes = 0;  // right behind the elements
};

// kUpdateLayout when offset and length are not multiples of 8 or leave the payload.
absl::Status CheckBlock(const tensor::Layout& layout, uint64_t offset, uint64_t length);

// In order. REQUIRES: CheckBlock. O(log tensors + pieces).
std::vector<Piece> PiecesOf(const tensor::Layout& layout, uint64_t offset, uint64_t length);

}  // namespace consilium::sum

#endif  // CONSILIUM_COMMON_SUM_PIECES_H_
