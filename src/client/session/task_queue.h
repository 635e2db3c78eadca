// What a site has been asked to do and has not done: control work first, then one task at a time.
//
// A task is known by (job, step). Offering one that is queued or being worked on changes nothing,
// except that it is looked at once more when it ends without having been delivered: the offer came
// over a newer connection. A task that met a passing trouble waits, at most kMaxAttempts times, for
// a later moment or for the next connection.
// Thread-safe. Bounded by `max_queued` for tasks and control work each.
#ifndef CONSILIUM_CLIENT_SESSION_TASK_QUEUE_H_
#define CONSILIUM_CLIENT_SESSION_TASK_QUEUE_H_

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

inline constexpr unsigned kMaxAttempts = 8;
inline constexpr Duration kFirstRetry = std::chrono::seconds(1);  // doubles, up to kLastRetry
inline constexpr Duration kLastRetry = std::chrono::seconds(30);

using ControlWork = std::variant<wire::JobNotice, wire::Outcome, wire::JobEnded>;

// How long a task that failed is tried again.
enum class Patience {
  kAttempts,  // kMaxAttempts times
  kDeadline,  // until the offer's time is over: only a person can mend what is wrong
};

struct QueuedTask {
  wire::TaskOffer offer;
  unsigned attempts = 0;
  Instant begun{};  // when it was first taken
  Instant not_before{};
  bool awaits_connection = false;
};

// The task at hand. `cancelled` is set by another thread and asked between progress calls.
struct CurrentTask {
  QueuedTask task;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> put_aside = false;  // cancelled, and to go on after a restart
};

class TaskQueue {
 public:
  explicit TaskQueue(size_t max_queued);

  enum class Added { kQueued, kKnown, kFull, kDraining };
  Added Add(const wire::TaskOffer& offer);
  bool AddControl(ControlWork work);  // false when full
  // The same, not before `due`.
  bool AddControlLater(ControlWork work, Instant due);
  // Takes it out of the queue, or tells the one who works on it.
  void Cancel(const JobId& job, StepNumber step);
  void CancelJob(const JobId& job);
  // A connection is there: what waited for one is due, and attempts count from zero again.
  void OnConnected();
  // No further task is taken or handed out; the one at hand goes on, and so does control work.
  void Drain();
  // False when a task is still at hand at `deadline`.
  bool WaitIdle(Instant deadline);
  // Nothing more is handed out; the task at hand is put aside.
  void Stop();

  std::optional<ControlWork> TakeControl(Instant now);
  // The first task that is due; null when none is, or after Stop. End or Retry it.
  std::shared_ptr<CurrentTask> Take(Instant now);
  // The task at hand is done with. Not `delivered`, and offered once more: it is queued again.
  void End(bool delivered);
  // False when it has been tried too often or for too long: the caller says so, and the task has
  // ended.
  bool Retry(const CurrentTask& current, Instant now, bool connected,
             Patience patience = Patience::kAttempts);
  // Waits until something may be due. False after Stop.
  bool WaitForWork();
  // Offers that wait behind the task at hand; with it.
  std::vector<wire::TaskOffer> Waiting() const;
  std::vector<wire::TaskOffer> All() const;
  bool stopped() const;

 private:
  void EndLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_queued_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<ControlWork> control_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<Instant, ControlWork>> later_ ABSL_GUARDED_BY(mutex_);
  std::deque<QueuedTask> tasks_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<CurrentTask> current_ ABSL_GUARDED_BY(mutex_);
  std::optional<wire::TaskOffer> again_ ABSL_GUARDED_BY(mutex_);  // current_ was offered once more
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_TASK_QUEUE_H_
