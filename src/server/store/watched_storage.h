// The server's folder as a Storage that knows how much it holds, keeps it within a bound, and
// remembers whether the disk works.
//
// Why: a full or failing disk is not an event but a state. Whoever waits for it (jobs, readiness)
// asks here; whoever writes finds out by the error. Bytes are counted by kind: one map from path to
// length, read once at the start, changed by every operation that goes through here.
// Bound: a write that would take the store above max_bytes is refused with kStorageFull, as if the
// disk were full, except to the journal: what ends a job or removes something must be recordable.
// Health: the first failure of a changing operation is kept until a probe (a small file, written,
// synced and removed, at most every kProbePause) works. kFileNotFound is not a failure.
// Thread-safe. No lock is held while the disk works.
#ifndef CONSILIUM_SERVER_STORE_WATCHED_STORAGE_H_
#define CONSILIUM_SERVER_STORE_WATCHED_STORAGE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"

namespace consilium::server::store {

inline constexpr Duration kProbePause = std::chrono::seconds(1);
inline constexpr size_t kMostProbeBytes = 1024 * 1024;

enum class FileKind { kJournal, kState, kSum, kSpool, kOther };
inline constexpr std::array kFileKinds = {FileKind::kJournal, FileKind::kState, FileKind::kSum,
                                          FileKind::kSpool, FileKind::kOther};
const char* NameOf(FileKind kind);  // "journal", "states", "sums", "spools", "other"

class WatchedStorage final : public Storage {
 public:
  struct Options {
    std::string folder;  // the store: FOLDER/journal, FOLDER/states, FOLDER/sums, FOLDER/updates
    uint64_t max_bytes = UINT64_MAX;
  };
  // `disk` and `clock` outlive this.
  WatchedStorage(Options options, Storage& disk, const Clock& clock);
  ~WatchedStorage() override;
  // Reads the lengths of what is there. Call it before anything else. O(files).
  absl::Status Load();

  uint64_t BytesOf(FileKind kind) const;
  // 0 when there is no such file.
  uint64_t BytesOf(const std::string& path) const;
  // Ok, or what the disk said. Probes when it is time to.
  absl::Status Health();

  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                         uint64_t length = UINT64_MAX) override;
  absl::StatusOr<std::unique_ptr<AppendFile>> OpenBulk(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileReader>> OpenRead(const std::string& path) const override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateFolder(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) const override;

 private:
  class Appender;
  struct File {
    std::atomic<uint64_t> bytes{0};
  };
  FileKind KindOf(const std::string& path) const;
  std::shared_ptr<File> Track(const std::string& path, uint64_t bytes);
  void Forget(const std::string& path);
  absl::StatusOr<std::unique_ptr<AppendFile>> Watched(
      const std::string& path, absl::StatusOr<std::unique_ptr<AppendFile>> opened);
  absl::Status LoadFolder(const std::string& folder);
  absl::Status CheckBound(FileKind kind, uint64_t bytes) const;
  // Passes `status` on; remembers a failure of the disk. `bytes` is what was to be written.
  absl::Status Note(absl::Status status, uint64_t bytes = 0);
  absl::Status Probe(uint64_t bytes);

  const Options options_;
  Storage& disk_;
  const Clock& clock_;
  std::array<std::atomic<uint64_t>, kFileKinds.size()> bytes_{};
  std::atomic<bool> well_{true};
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<File>> files_ ABSL_GUARDED_BY(mutex_);
  absl::Status trouble_ ABSL_GUARDED_BY(mutex_);
  uint64_t failed_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Instant next_probe_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_WATCHED_STORAGE_H_
