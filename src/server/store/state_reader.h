// A part of a kept state, read from its start to its end without ever being whole in memory.
//
// Not thread-safe. The store outlives it; the state must be held or kept meanwhile.
#ifndef CONSILIUM_SERVER_STORE_STATE_READER_H_
#define CONSILIUM_SERVER_STORE_STATE_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/crypto/sha256.h"
#include "common/wire/state_file.h"
#include "server/store/state_files.h"
#include "server/store/state_store.h"

namespace consilium::server::store {

class StatePartReader {
 public:
  // Reads the head. The errors of StateStore::GetManifest; kStateCorrupt when the part is gone.
  static absl::StatusOr<StatePartReader> Open(const StateStore& store, const Digest& manifest,
                                              PartKind kind);

  const wire::StatePartHead& head() const { return head_; }
  // Where the tensors begin in the file: ReadAt of the payload, at any place and not checked.
  absl::Status ReadPayload(uint64_t offset, std::span<std::byte> out) const;

  // The next bytes of the payload. REQUIRES: so many are left.
  absl::Status Read(std::span<std::byte> out);
  // Hands on what is left, a block at a time.
  using Take = std::function<absl::Status(ByteSpan)>;
  absl::Status ReadRest(const Take& take);
  // Reads what is left. Only now it is known that all that was read is right: kStateCorrupt when
  // the part has not the digest that the manifest says.
  absl::Status Finish();

 private:
  StatePartReader() = default;
  absl::Status ReadHead();

  std::string path_;
  Digest digest_;
  std::shared_ptr<const FileReader> file_;
  wire::StatePartHead head_;
  uint64_t payload_ = 0;  // where it begins
  uint64_t next_ = 0;     // in the file
  crypto::Sha256 hash_;   // of what is before `next_`
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_STATE_READER_H_
