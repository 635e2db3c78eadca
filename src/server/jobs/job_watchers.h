// Who wants to hear of a job's changes, and the version number each change gets.
//
// Thread-safe. Callbacks run on the thread that made the change, never under a lock.
#ifndef CONSILIUM_SERVER_JOBS_JOB_WATCHERS_H_
#define CONSILIUM_SERVER_JOBS_JOB_WATCHERS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "common/base/ids.h"
#include "common/base/mutex.h"

namespace consilium::server::jobs {

class JobWatchers {
 public:
  using Callback = std::function<void(uint64_t version)>;

  // Versions start at 1 with the first change and only grow (over all jobs: one counter).
  void Changed(const JobId& job);
  // The ticket for Remove; never 0.
  uint64_t Add(const JobId& job, Callback callback);
  // When it returns the callback is not running and never runs again. REQUIRES: not called from
  // within that callback.
  void Remove(uint64_t ticket);

 private:
  struct Watcher {
    JobId job;
    Callback callback;
    int running = 0;
  };
  Mutex mutex_;
  CondVar idle_;
  uint64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  std::multimap<JobId, uint64_t> by_job_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::server::jobs

#endif  // CONSILIUM_SERVER_JOBS_JOB_WATCHERS_H_
