// States, content-addressed: a part or a manifest is a file named by its digest, written durably
// (new file, sync, rename, sync of the folder) and never changed.
//
// A state goes when nobody keeps it (server/round/retention.h decides): its manifest, and the parts
// that no other manifest names. What is being put meanwhile, or is pinned, stays.
// Thread-safe.
#ifndef CONSILIUM_SERVER_STORE_STATE_STORE_H_
#define CONSILIUM_SERVER_STORE_STATE_STORE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"
#include "common/wire/state_file.h"

namespace consilium::server::store {

class StateStore {
 public:
  // `storage` outlives this.
  StateStore(std::string folder, Storage& storage);

  // Reads which manifests name which parts; what a crash left half written goes. Before this Remove
  // and Manifests know only what was put since. O(states).
  absl::Status Load();

  // Returns the manifest digest: the state's name. Durable when it returns. Idempotent; the same
  // state may be put by two threads at once. For states that are in memory anyway: the others
  // write theirs by blocks (state_writer.h).
  absl::StatusOr<Digest> Put(const wire::State& state);
  // The same; and nobody removes the state until the returned value is gone.
  class Hold;
  absl::StatusOr<Hold> PutHeld(const wire::State& state);
  // One that is there. The errors of GetManifest.
  absl::StatusOr<Hold> HoldKept(const Digest& manifest);
  // From here on nobody removes this state: a person put it, or a job starts from it. Durable.
  absl::Status Pin(const Digest& manifest);

  // Ok also when the state is pinned, held, or not there: it then stays as it is.
  absl::Status Remove(const Digest& manifest);
  std::vector<Digest> Manifests() const;

  // kStateNotFound, kStateCorrupt (the bytes do not have the digest of their name).
  absl::StatusOr<wire::State> Get(const Digest& manifest) const;
  absl::StatusOr<wire::StatePart> GetBroadcast(const Digest& manifest) const;
  absl::StatusOr<wire::Manifest> GetManifest(const Digest& manifest) const;
  // Ok when manifest and parts are there with the digests of their names. Reads all of it.
  absl::Status Verify(const Digest& manifest) const;

  // What a site may fetch: a manifest or a broadcast part, never a private part (kNotAllowed).
  absl::StatusOr<std::unique_ptr<FileReader>> OpenForSite(const Digest& digest) const;

 private:
  friend class StateWriter;
  friend class StatePartReader;

  std::string PathOf(const Digest& digest, const char* kind) const;
  std::string UnfinishedPath(const char* kind);  // another one each time
  absl::Status PutFile(const Digest& digest, const char* kind, ByteSpan bytes);
  absl::StatusOr<Bytes> ReadFile(const Digest& digest, const char* kind, uint64_t most) const;
  absl::StatusOr<wire::StatePart> GetPart(const wire::PartRef& ref, const char* kind) const;
  struct Names {
    Digest manifest, broadcast, private_part;
  };
  void HoldAll(const Names& names);
  void Release(const Names& names);
  void AddToIndex(const Names& names) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes the state out of the index; the paths of the files that go with it.
  std::vector<std::string> TakeOut(const Digest& manifest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string folder_;
  Storage& storage_;
  std::atomic<uint64_t> unfinished_count_ = 0;  // names the files being written
  mutable Mutex mutex_;
  CondVar removed_;
  std::map<Digest, Names> index_ ABSL_GUARDED_BY(mutex_);     // by manifest
  std::map<Digest, uint64_t> named_ ABSL_GUARDED_BY(mutex_);  // parts: by how many manifests
  std::map<Digest, uint64_t> held_ ABSL_GUARDED_BY(mutex_);   // manifests and parts
  std::set<Digest> pinned_ ABSL_GUARDED_BY(mutex_);
  bool removing_ ABSL_GUARDED_BY(mutex_) = false;  // files are on their way out
};

// A state nobody removes while this lives. The store outlives it.
class StateStore::Hold {
 public:
  Hold(StateStore& store, const Names& names) : store_(&store), names_(names) {}
  Hold(Hold&& other) noexcept
      : store_(std::exchange(other.store_, nullptr)), names_(other.names_) {}
  Hold& operator=(Hold&&) = delete;
  ~Hold() {
    if (store_ != nullptr) store_->Release(names_);
  }
  const Digest& digest() const { return names_.manifest; }

 private:
  StateStore* store_;
  Names names_;
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_STATE_STORE_H_
