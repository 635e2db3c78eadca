// The fold of a step: many update files, column block by column block, into one exact sum.
//
// Memory is the accumulator and kFoldFiles blocks; at most kFoldFiles files are open. The order of
// the files changes no bit of the result (common/sum/exact_sum.h).
#ifndef CONSILIUM_SERVER_STORE_UPDATE_FOLD_H_
#define CONSILIUM_SERVER_STORE_UPDATE_FOLD_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/storage.h"
#include "common/sum/exact_sum.h"
#include "common/tensor/layout.h"

namespace consilium::server::store {

inline constexpr size_t kFoldFiles = 16;  // updates read side by side

struct FoldInput {
  std::string path;
  uint64_t header_bytes = 0;  // the payload starts here
  uint32_t weight = 1;
};

// REQUIRES: every input was accepted for this layout. A file that has changed since is found
// again by its values (kUpdateNotFinite, kUpdateOutOfBound) or its length (kStorageIo).
absl::StatusOr<sum::ExactSum> FoldFiles(const Storage& storage, const tensor::Layout& layout,
                                        std::span<const FoldInput> inputs,
                                        const sum::SumOptions& options);

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_UPDATE_FOLD_H_
