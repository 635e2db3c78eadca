// States, content-addressed: a part or a manifest is a file named by its digest, written durably
// (new file, sync, rename, sync of the folder) and never changed.
//
// Thread-safe.
#ifndef CONSILIUM_SERVER_STORE_STATE_STORE_H_
#define CONSILIUM_SERVER_STORE_STATE_STORE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/wire/state_file.h"

namespace consilium::server::store {

class StateStore {
 public:
  // `storage` outlives this.
  StateStore(std::string folder, Storage& storage);

  // Returns the manifest digest: the state's name. Durable when it returns. Idempotent: what is
  // there is compared, not written again; the same state may be put by two threads at once.
  absl::StatusOr<Digest> Put(const wire::State& state);
  // kStateNotFound, kStateCorrupt (the bytes do not have the digest of their name).
  absl::StatusOr<wire::State> Get(const Digest& manifest) const;
  absl::StatusOr<wire::StatePart> GetBroadcast(const Digest& manifest) const;
  absl::StatusOr<wire::Manifest> GetManifest(const Digest& manifest) const;

  // What a site may fetch: a manifest or a broadcast part, never a private part (kNotAllowed).
  absl::StatusOr<std::unique_ptr<FileReader>> OpenForSite(const Digest& digest) const;

 private:
  std::string PathOf(const Digest& digest, const char* kind) const;
  absl::Status PutFile(const Digest& digest, const char* kind, ByteSpan bytes);
  absl::StatusOr<Bytes> ReadFile(const Digest& digest, const char* kind, uint64_t most) const;
  absl::StatusOr<wire::StatePart> GetPart(const wire::PartRef& ref, const char* kind) const;
  const std::string folder_;
  Storage& storage_;
  std::atomic<uint64_t> unfinished_count_ = 0;  // names the files being written
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_STATE_STORE_H_
