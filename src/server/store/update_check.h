// The checks that make an uploaded file a contribution: nothing is counted that has not passed
// them.
//
// In this order: length, digest, header (key, base state, layout, lengths, support, weight), then
// every value finite and within its tensor's bound. The file is read in blocks, never whole.
// Pure apart from reading; thread-safe.
#ifndef CONSILIUM_SERVER_STORE_UPDATE_CHECK_H_
#define CONSILIUM_SERVER_STORE_UPDATE_CHECK_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/tensor/layout.h"
#include "common/wire/messages.h"
#include "common/wire/update_file.h"

namespace consilium::server::store {

inline constexpr size_t kBlockBytes = 256 * 1024;  // what is read of one update at a time

// What an update has to be.
struct UpdateWanted {
  wire::TaskKey key;
  Digest base_state;
  tensor::Layout layout;
};

// The header of an update file, checked against what is wanted. kProtocol (malformed, and a weight
// outside 1..sum::kMaxWeight), kFormatVersion, kUpdateUnknownTask (another key or base state),
// kUpdateLayout.
absl::StatusOr<wire::ParsedUpdateHeader> CheckHeader(const FileReader& file,
                                                     const UpdateWanted& wanted);
// Every value of the payload: kUpdateNotFinite, kUpdateOutOfBound by tensor name and index.
absl::Status CheckValues(const FileReader& file, uint64_t header_bytes,
                         const tensor::Layout& layout);
// SHA-256 of the first `bytes` of a file.
absl::StatusOr<Digest> DigestOfFile(const FileReader& file, uint64_t bytes);

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_UPDATE_CHECK_H_
