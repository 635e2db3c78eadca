// A state on its way into the store, piece by piece: its parts need not fit in memory.
//
// A part gathers in memory while it is small (what is there is then compared, not written again)
// and in a file of its own from kBufferedPartBytes on. What is not finished leaves nothing behind.
// Not thread-safe; any number of writers may work on one store.
#ifndef CONSILIUM_SERVER_STORE_STATE_WRITER_H_
#define CONSILIUM_SERVER_STORE_STATE_WRITER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/storage.h"
#include "common/crypto/sha256.h"
#include "server/store/state_files.h"
#include "server/store/state_store.h"

namespace consilium::server::store {

inline constexpr size_t kBufferedPartBytes = size_t{64} * 1024;

class StateWriter {
 public:
  // `store` outlives this. kStorage*.
  static absl::StatusOr<StateWriter> Create(StateStore& store);
  StateWriter(StateWriter&&) = default;
  ~StateWriter();

  // The next bytes of a part's file (docs/formats/state.md). kStorage*.
  absl::Status Append(PartKind kind, ByteSpan bytes);
  // Both parts are whole. Durable when it returns; at most once. kStorage*.
  absl::StatusOr<StateStore::Hold> Finish();

 private:
  struct Part {
    Bytes buffered;
    std::unique_ptr<AppendFile> file;  // null: all is in `buffered`
    std::string path;                  // of `file`; empty: none, or it has its name
    uint64_t bytes = 0;
    crypto::Sha256 hash;
  };
  explicit StateWriter(StateStore& store);
  Part& PartOf(PartKind kind) { return parts_[kind == PartKind::kBroadcast ? 0 : 1]; }
  absl::Status ToFile(PartKind kind, Part& part);
  // Under the name of its digest.
  absl::Status Keep(PartKind kind, const Digest& digest);

  StateStore* store_;
  std::unique_ptr<Part[]> parts_;
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_STATE_WRITER_H_
