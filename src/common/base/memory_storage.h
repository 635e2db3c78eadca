// Storage in memory that can lose what was not synced, and fail on purpose: for tests and the
// seeded simulation.
//
// Crash model. A file has bytes that are synced and bytes that are only written; a folder has
// creations, renames and removals that SyncFolder has not confirmed. Crash() decides what of the
// unconfirmed is still there afterwards: all of it (the process died, the machine did not), none of
// it (the strictest power cut), or a seeded part: a prefix of the pending folder operations, and of
// each file a prefix of its unsynced bytes, a stretch of which may be garbage or zeros.
// Handles opened before a crash answer kStorageIo afterwards.
// Thread-safe. The storage outlives its handles.
#ifndef CONSILIUM_COMMON_BASE_MEMORY_STORAGE_H_
#define CONSILIUM_COMMON_BASE_MEMORY_STORAGE_H_

#include <map>
#include <set>

#include "common/base/error_codes.h"
#include "common/base/mutex.h"
#include "common/base/random.h"
#include "common/base/storage.h"

namespace consilium {

enum class CrashKind { kProcess, kPowerCut, kTorn };

// Faults count changing operations (OpenAppend, Append, Sync, Rename, Remove, CreateFolder,
// SyncFolder) from SetFaults on.
struct StorageFaults {
  uint64_t fail_operation = 0;  // 1 = the next one; 0 = none
  bool and_all_after = false;   // as if the disk went away, until Crash or SetFaults
  ErrorCode code = ErrorCode::kStorageIo;
  uint64_t capacity_bytes = UINT64_MAX;  // of all files: kStorageFull above
};

class MemoryStorage final : public Storage {
 public:
  // `seed` decides what a torn crash keeps.
  explicit MemoryStorage(uint64_t seed = 1) : random_(seed) {}

  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                         uint64_t length = UINT64_MAX) override;
  absl::StatusOr<std::unique_ptr<FileReader>> OpenRead(const std::string& path) const override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  // Parents too; durable when it returns.
  absl::Status CreateFolder(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) const override;

  // Ends every handle and all faults except the capacity.
  void Crash(CrashKind kind);
  void SetFaults(const StorageFaults& faults);
  // Changing operations since the last SetFaults, failed ones too.
  uint64_t operations() const;
  // Makes `path` hold exactly these bytes, durably: damage on disk.
  void Plant(const std::string& path, ByteSpan bytes);

 private:
  struct Node {
    Bytes data;
    uint64_t synced = 0;  // this many bytes of data are durable
    // The durable bytes of before a cut that no Sync has confirmed.
    std::shared_ptr<const Bytes> before_cut;
    bool abandoned = false;  // a Sync failed
  };
  using NodePtr = std::shared_ptr<Node>;
  // One pending change of folders: `removed` goes (unless empty), `added` comes (unless empty).
  struct FolderChange {
    std::string removed;
    std::string added;
    NodePtr node;
  };
  using Files = std::map<std::string, NodePtr>;
  class Appender;
  class Reader;

  absl::Status CountOperation(std::string_view action, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Change(FolderChange change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Confirm(const FolderChange& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsFolder(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t BytesHeld() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CrashNode(Node& node, CrashKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TearTail(Node& node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Random random_ ABSL_GUARDED_BY(mutex_);
  Files files_ ABSL_GUARDED_BY(mutex_);    // as a reader sees them
  Files durable_ ABSL_GUARDED_BY(mutex_);  // as the folders are on disk
  std::vector<FolderChange> pending_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> folders_ ABSL_GUARDED_BY(mutex_);
  StorageFaults faults_ ABSL_GUARDED_BY(mutex_);
  uint64_t operations_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t crashes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_MEMORY_STORAGE_H_
