#include "server/jobs/job_watchers.h"

#include <utility>
#include <vector>

namespace consilium::server::jobs {

void JobWatchers::Changed(const JobId& job) {
  std::vector<std::shared_ptr<Watcher>> told;
  uint64_t version = 0;
  {
    MutexLock lock(mutex_);
    version = ++version_;
    const auto [first, last] = by_job_.equal_range(job);
    for (auto it = first; it != last; ++it) {
      told.push_back(watchers_.at(it->second));
      ++told.back()->running;
    }
  }
  for (const auto& watcher : told) watcher->callback(version);
  if (told.empty()) return;
  MutexLock lock(mutex_);
  for (const auto& watcher : told) --watcher->running;
  idle_.NotifyAll();
}

uint64_t JobWatchers::Add(const JobId& job, Callback callback) {
  MutexLock lock(mutex_);
  const uint64_t ticket = ++last_ticket_;
  watchers_.emplace(ticket, std::make_shared<Watcher>(Watcher{job, std::move(callback), 0}));
  by_job_.emplace(job, ticket);
  return ticket;
}

void JobWatchers::Remove(uint64_t ticket) {
  MutexLock lock(mutex_);
  const auto found = watchers_.find(ticket);
  if (found == watchers_.end()) return;
  const std::shared_ptr<Watcher> watcher = found->second;
  watchers_.erase(found);
  const auto [first, last] = by_job_.equal_range(watcher->job);
  for (auto it = first; it != last; ++it) {
    if (it->second != ticket) continue;
    by_job_.erase(it);
    break;
  }
  while (watcher->running > 0) idle_.Wait(mutex_);
}

}  // namespace consilium::server::jobs
