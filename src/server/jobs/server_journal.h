// The server's journal and what follows from a write: the table of jobs, then the watchers.
//
// Write returns when the records are on disk and in the table; when it fails none of them counts.
// After a failed disk write the journal reopens its file, cut to the last byte that was
// acknowledged, on a later Write: so a full disk is waited out, and a record whose Write failed
// never comes back.
// Thread-safe; writers at the same time share one disk sync.
#ifndef CONSILIUM_SERVER_JOBS_SERVER_JOURNAL_H_
#define CONSILIUM_SERVER_JOBS_SERVER_JOURNAL_H_

#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"
#include "common/journal/journal.h"
#include "server/jobs/job_history.h"
#include "server/jobs/job_watchers.h"

namespace consilium::server::jobs {

// A broken journal is read again (O(its length)) at most this often.
inline constexpr Duration kReopenPause = std::chrono::seconds(1);

class ServerJournal {
 public:
  // Opens or begins the file and replays it into `history`. All references outlive this.
  static absl::StatusOr<std::unique_ptr<ServerJournal>> Open(Storage& storage, std::string path,
                                                             const Clock& clock,
                                                             JobHistory& history,
                                                             JobWatchers& watchers);
  // Durable, in this order, in one sync. kStorageFull, kStorageIo.
  absl::Status Write(std::span<const JobRecord> records) { return Put(records, true); }
  absl::Status Write(const JobRecord& record) { return Write(std::span(&record, 1)); }
  // In the file and in the table, and durable with the next Write: a power cut may lose it.
  absl::Status WriteUnsynced(std::span<const JobRecord> records) { return Put(records, false); }
  // Drops what no start needs (journal_compaction.h) when that is worth it; writers wait. When it
  // fails the journal is as before, or opens again on a later Write.
  absl::Status Compact();

 private:
  absl::Status Put(std::span<const JobRecord> records, bool sync);
  ServerJournal(Storage& storage, std::string path, const Clock& clock, JobHistory& history,
                JobWatchers& watchers);
  // The open journal, reopened first when it broke; counts one more writer in flight.
  absl::StatusOr<journal::Journal*> Enter();
  void Leave(const absl::StatusOr<uint64_t>& durable_to);
  absl::StatusOr<std::unique_ptr<journal::Journal>> Reopen(uint64_t length);

  Storage& storage_;
  const std::string path_;
  const Clock& clock_;
  JobHistory& history_;
  JobWatchers& watchers_;
  Mutex mutex_;
  CondVar idle_;
  std::unique_ptr<journal::Journal> journal_ ABSL_GUARDED_BY(mutex_);
  int in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reopening_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status broken_ ABSL_GUARDED_BY(mutex_);
  uint64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  Instant next_reopen_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace consilium::server::jobs

#endif  // CONSILIUM_SERVER_JOBS_SERVER_JOURNAL_H_
