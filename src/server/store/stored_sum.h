// A sum in a file, whole or behind the header of a generation, read a run of limbs at a time.
//
// Format: docs/formats/sum.md. Thread-safe when const.
#ifndef CONSILIUM_SERVER_STORE_STORED_SUM_H_
#define CONSILIUM_SERVER_STORE_STORED_SUM_H_

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/storage.h"
#include "common/sum/sum_file.h"
#include "common/tensor/layout.h"

namespace consilium::server::store {

class StoredSum {
 public:
  // The sum that starts at `offset` and ends with the file. Head and length are checked:
  // kUpdateLayout, kFormatVersion, kStateCorrupt, kStorageIo.
  static absl::StatusOr<StoredSum> Open(std::shared_ptr<const FileReader> file, uint64_t offset,
                                        const tensor::Layout& layout);
  const sum::SumHead& head() const { return head_; }
  // `first` counts the limbs of all tensors in the order of the file.
  absl::Status ReadLimbs(uint64_t first, std::span<uint64_t> limbs) const;
  // Reads all and compares the checksum (kStateCorrupt). O(file), memory O(block).
  absl::Status Verify() const;

  // For who reads all limbs in order anyway: the checksum of the head to begin with, and whether
  // the checksum after the last limb is that of the file.
  absl::StatusOr<uint32_t> CrcOfHead() const;
  absl::Status CheckEnd(uint32_t crc) const;

 private:
  StoredSum(std::shared_ptr<const FileReader> file, uint64_t offset, uint64_t head_bytes,
            const sum::SumHead& head);
  std::shared_ptr<const FileReader> file_;
  uint64_t offset_;
  uint64_t head_bytes_;
  sum::SumHead head_;
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_STORED_SUM_H_
