// States that this site has fetched, by digest, on its own disk: a state is fetched once, and a
// fetch that was cut off goes on where it stopped.
//
// Every use checks the digest, so nothing here has to be durable. At most kMaxCachedFiles files and
// `most_bytes` are kept (but always the one in use); the one that was used longest ago goes first.
// When the disk is full, all others go.
// A small state that came with its offer (ReadInlineState) is not kept here: it comes with the next
// offer, too.
// Not thread-safe: the one worker uses it. `storage` outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_STATE_CACHE_H_
#define CONSILIUM_CLIENT_SESSION_STATE_CACHE_H_

#include <deque>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/session/uplink.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/wire/state_file.h"

namespace consilium::client::session {

inline constexpr size_t kMaxCachedFiles = 16;
inline constexpr uint64_t kMaxCachedBytes = uint64_t{8} << 30;
inline constexpr uint64_t kMaxStateBytes = uint64_t{1} << 33;  // of one part

// Hears (bytes there, bytes of the whole); false stops the fetch with absl::CancelledError.
using FetchProgress = std::function<bool(uint64_t done, uint64_t total)>;

// The broadcast part of a state that came with its offer. kStateCorrupt: not what `manifest` names.
absl::StatusOr<wire::StatePart> ReadInlineState(const Digest& manifest,
                                                const wire::InlineState& content);

class StateCache {
 public:
  static absl::StatusOr<StateCache> Open(std::string folder, Storage& storage,
                                         uint64_t most_bytes = kMaxCachedBytes);

  // The broadcast part of a state. kStateCorrupt (the bytes do not have their digest),
  // kStateNotFound, kFileTooLarge, kStorage*, and whatever `uplink` fails with.
  absl::StatusOr<wire::StatePart> Get(const Digest& manifest, Uplink& uplink,
                                      const FetchProgress& progress);

 private:
  struct Entry {
    std::string name;
    uint64_t bytes = 0;
  };
  StateCache(std::string folder, Storage& storage, uint64_t most_bytes);
  absl::StatusOr<Bytes> GetFile(const wire::PartRef& ref, Uplink& uplink,
                                const FetchProgress& progress);
  absl::Status Fetch(const wire::PartRef& ref, Uplink& uplink, const FetchProgress& progress);
  absl::Status FetchRest(const wire::PartRef& ref, Uplink& uplink, const FetchProgress& progress);
  absl::Status Use(const std::string& name, uint64_t bytes);
  void Forget(const std::string& name);
  // Removes every other file; false when there was none.
  absl::StatusOr<bool> DropOthers(const std::string& name);
  std::string PathOf(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
  Storage* storage_;
  uint64_t most_bytes_;
  std::deque<Entry> used_;  // last used at the back
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_STATE_CACHE_H_
