// What stays on the server's disk, and what leaves:
// docs/decisions/2026-11-22-what-stays-on-disk.md.
//
//   states        of a job: the first, the newest `keep_states`, and the best (least loss on the
//   test
//                 rows, on the training rows where there are none); pinned ones always
//   sums          of all jobs: the newest `keep_sums_bytes`; the oldest leave first
//   kept updates  (retain = "updates") as long as their job is known
//   ended jobs    the newest `keep_jobs`; an older one is forgotten: a record says so, then its
//                 files go
// A state that several jobs have reached goes when none of them keeps it. Removing is not durable
// by itself: what a power cut brings back leaves at the next start (Rebuild).
// Thread-safe. Failures are logged and nothing waits for them: the same files are found again at
// the next start.
#ifndef CONSILIUM_SERVER_ROUND_RETENTION_H_
#define CONSILIUM_SERVER_ROUND_RETENTION_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "server/jobs/job_history.h"
#include "server/jobs/server_journal.h"
#include "server/round/step_commit.h"

namespace consilium::server::round {

struct RetentionRule {
  uint32_t keep_states = 3;
  uint64_t keep_sums_bytes = uint64_t{16} << 30;
  uint32_t keep_jobs = 1000;  // ended ones; at most jobs::kMaxEndedJobs
};

class Retention {
 public:
  // All outlive this. `stores.states` is loaded.
  Retention(RetentionRule rule, Stores stores, jobs::JobHistory& history);

  // At the start, before any job runs: learns from the history what each job keeps and removes all
  // else. `pin_strangers`: states that no job has reached are pinned first (a store of before
  // pins).
  absl::Status Rebuild(bool pin_strangers);

  // The state that a job starts from. It stays as long as the job is known.
  void OnStarted(const JobId& job, const Digest& state);
  // A step is committed, in the journal. The states and sums that leave by it are removed.
  void OnCommitted(const JobId& job, const jobs::StepView& step);
  // Forgets the ended jobs that are too many.
  void ForgetJobs(jobs::ServerJournal& journal, UtcMillis now);

 private:
  struct Kept {
    Digest first;
    std::deque<Digest> newest;
    std::optional<double> best_loss;
    Digest best;
    std::set<Digest> All() const;
  };
  struct Sum {
    std::string path;
    uint64_t bytes = 0;
  };
  // `job` keeps what `change` makes of it; the states that nobody keeps any more.
  template <typename Change>
  std::vector<Digest> Update(const JobId& job, const Change& change) ABSL_LOCKS_EXCLUDED(mutex_);
  void Learn(const jobs::StepView& step, Kept& kept) const;
  std::vector<std::string> AddSum(const std::string& path);
  void RemoveStates(const std::vector<Digest>& states);
  void RemoveFiles(const std::vector<std::string>& paths);
  void RemoveFolderOf(const std::string& folder);
  void RemoveStrangers();

  const RetentionRule rule_;
  const Stores stores_;
  jobs::JobHistory& history_;
  Mutex mutex_;
  std::map<JobId, Kept> jobs_ ABSL_GUARDED_BY(mutex_);
  std::map<Digest, uint64_t> keepers_ ABSL_GUARDED_BY(mutex_);
  std::deque<Sum> sums_ ABSL_GUARDED_BY(mutex_);  // oldest first
  uint64_t sum_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;  // jobs, since the journal was looked at
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_RETENTION_H_
