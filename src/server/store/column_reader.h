// The updates of a step side by side: the same elements of every one of them, a block at a time.
//
// The one way in which an aggregate reads spools. The fold of the exact sum (update_fold.h) walks
// it in generations; an aggregate that needs all values of an element at once (median, trimmed
// mean) or all of a tensor (Krum's distances) walks the same blocks and keeps the spools until its
// step is committed.
// Memory is at most kColumnBytes (and one page of each update beyond 4,096 of them), whatever the
// number of updates; at most kOpenColumns files are open, the others are opened for each block.
// Not thread-safe.
#ifndef CONSILIUM_SERVER_STORE_COLUMN_READER_H_
#define CONSILIUM_SERVER_STORE_COLUMN_READER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/storage.h"
#include "common/sum/sum_rule.h"
#include "common/tensor/layout.h"

namespace consilium::server::store {

inline constexpr uint64_t kColumnBytes = uint64_t{16} * 1024 * 1024;
inline constexpr size_t kOpenColumns = 64;

struct ColumnInput {
  std::string path;
  uint64_t header_bytes = 0;  // the payload starts here
  uint32_t weight = 1;
};

class ColumnReader {
 public:
  // REQUIRES: every input was accepted for this layout. `storage` outlives this. kFileNotFound,
  // kStorageIo.
  static absl::StatusOr<ColumnReader> Open(const Storage& storage, const tensor::Layout& layout,
                                           std::vector<ColumnInput> inputs);

  const tensor::Layout& layout() const { return layout_; }
  const std::vector<ColumnInput>& inputs() const { return inputs_; }
  // The most elements of a block; every block but a tensor's last has this many.
  uint64_t block_elements() const { return block_elements_; }

  // Elements [first, first + count) of a tensor, of every update in the order of the inputs; valid
  // until the next Read. REQUIRES: first is a multiple of block_elements(), count is what is left
  // of the tensor or block_elements(). A file that has changed since it was accepted is found by
  // its values (kUpdateNotFinite, kUpdateOutOfBound) or its length (kStorageIo).
  absl::StatusOr<std::span<const sum::WeightedRun>> Read(size_t tensor, uint64_t first,
                                                         uint64_t count);

 private:
  ColumnReader(const Storage& storage, tensor::Layout layout, std::vector<ColumnInput> inputs);
  absl::Status ReadOne(size_t input, uint64_t offset, std::span<std::byte> block) const;

  const Storage* storage_;
  tensor::Layout layout_;
  std::vector<ColumnInput> inputs_;
  uint64_t block_elements_;
  std::vector<std::unique_ptr<FileReader>> files_;  // of the first kOpenColumns inputs
  std::vector<Bytes> blocks_;                       // one of each input
  std::vector<sum::WeightedRun> runs_;
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_COLUMN_READER_H_
