#include "client/session/task_queue.h"

#include <algorithm>
#include <utility>

namespace consilium::client::session {
namespace {

bool SameTask(const wire::TaskOffer& a, const wire::TaskOffer& b) {
  return a.job == b.job && a.step == b.step;
}

}  // namespace

TaskQueue::TaskQueue(size_t max_queued) : max_queued_(max_queued) {}

TaskQueue::Added TaskQueue::Add(const wire::TaskOffer& offer) {
  MutexLock lock(mutex_);
  if (draining_) return Added::kDraining;
  if (current_ != nullptr && SameTask(current_->task.offer, offer)) {
    again_ = offer;
    return Added::kKnown;
  }
  const auto known = std::ranges::find_if(
      tasks_, [&](const QueuedTask& task) { return SameTask(task.offer, offer); });
  if (known != tasks_.end()) {
    *known = QueuedTask{offer};
    return Added::kKnown;
  }
  if (tasks_.size() >= max_queued_) return Added::kFull;
  tasks_.push_back({offer});
  changed_.NotifyAll();
  return Added::kQueued;
}

bool TaskQueue::AddControl(ControlWork work) {
  MutexLock lock(mutex_);
  if (control_.size() >= max_queued_) return false;
  control_.push_back(std::move(work));
  changed_.NotifyAll();
  return true;
}

bool TaskQueue::AddControlLater(ControlWork work, Instant due) {
  MutexLock lock(mutex_);
  if (later_.size() >= max_queued_) return false;
  later_.emplace_back(due, std::move(work));
  changed_.NotifyAll();
  return true;
}

void TaskQueue::Cancel(const JobId& job, StepNumber step) {
  MutexLock lock(mutex_);
  std::erase_if(tasks_, [&](const QueuedTask& task) {
    return task.offer.job == job && task.offer.step == step;
  });
  if (current_ == nullptr) return;
  const wire::TaskOffer& offer = current_->task.offer;
  if (offer.job != job || offer.step != step) return;
  current_->cancelled = true;
  again_.reset();
}

void TaskQueue::CancelJob(const JobId& job) {
  MutexLock lock(mutex_);
  std::erase_if(tasks_, [&](const QueuedTask& task) { return task.offer.job == job; });
  if (current_ == nullptr || current_->task.offer.job != job) return;
  current_->cancelled = true;
  again_.reset();
}

void TaskQueue::OnConnected() {
  MutexLock lock(mutex_);
  for (QueuedTask& task : tasks_) task = QueuedTask{std::move(task.offer)};
  changed_.NotifyAll();
}

void TaskQueue::Drain() {
  MutexLock lock(mutex_);
  draining_ = true;
}

bool TaskQueue::WaitIdle(Instant deadline) {
  MutexLock lock(mutex_);
  bool in_time = true;
  while (current_ != nullptr && in_time) in_time = changed_.WaitUntil(mutex_, deadline);
  return current_ == nullptr;
}

void TaskQueue::Stop() {
  MutexLock lock(mutex_);
  draining_ = stopped_ = true;
  if (current_ != nullptr) {
    current_->put_aside = true;
    current_->cancelled = true;
  }
  changed_.NotifyAll();
}

std::optional<ControlWork> TaskQueue::TakeControl(Instant now) {
  MutexLock lock(mutex_);
  for (auto& [due, work] : later_) {
    if (due <= now) control_.push_back(std::move(work));
  }
  std::erase_if(later_, [now](const auto& entry) { return entry.first <= now; });
  if (stopped_ || control_.empty()) return std::nullopt;
  ControlWork work = std::move(control_.front());
  control_.pop_front();
  return work;
}

std::shared_ptr<CurrentTask> TaskQueue::Take(Instant now) {
  MutexLock lock(mutex_);
  if (draining_) return nullptr;
  const auto due = std::ranges::find_if(tasks_, [&](const QueuedTask& task) {
    return !task.awaits_connection && task.not_before <= now;
  });
  if (due == tasks_.end()) return nullptr;
  current_ = std::make_shared<CurrentTask>();
  current_->task = std::move(*due);
  if (current_->task.attempts == 0) current_->task.begun = now;
  tasks_.erase(due);
  again_.reset();
  return current_;
}

void TaskQueue::EndLocked() {
  current_.reset();
  again_.reset();
  changed_.NotifyAll();
}

void TaskQueue::End(bool delivered) {
  MutexLock lock(mutex_);
  if (!delivered && again_) tasks_.push_back({*again_});
  EndLocked();
}

bool TaskQueue::Retry(const CurrentTask& current, Instant now, bool connected, Patience patience) {
  MutexLock lock(mutex_);
  QueuedTask task = current.task;
  if (again_) task = QueuedTask{*again_};
  const bool cancelled = current.cancelled && !again_;
  const bool try_again = patience == Patience::kDeadline
                             ? again_ || now - task.begun < task.offer.time_left
                             : task.attempts + 1 < kMaxAttempts;
  if (try_again && !cancelled) {
    const Duration wait = kFirstRetry * (1u << std::min(task.attempts, 5u));
    task.not_before = now + std::min(wait, kLastRetry);
    if (patience == Patience::kDeadline) {  // it says that it is alive each time
      task.not_before = now + std::clamp(task.offer.progress_lease / 4, kFirstRetry,
                                         std::max(kFirstRetry, std::min(wait, kLastRetry)));
    }
    task.awaits_connection = !connected;
    ++task.attempts;
    tasks_.push_back(std::move(task));
  }
  EndLocked();
  return try_again || cancelled;
}

bool TaskQueue::WaitForWork() {
  MutexLock lock(mutex_);
  if (stopped_) return false;
  if (!control_.empty()) return true;
  Instant next = Instant::max();
  for (const auto& [due, work] : later_) next = std::min(next, due);
  for (const QueuedTask& task : tasks_) {
    if (!task.awaits_connection && !draining_) next = std::min(next, task.not_before);
  }
  if (next == Instant::max()) {
    changed_.Wait(mutex_);
  } else {
    changed_.WaitUntil(mutex_, next);
  }
  return !stopped_;
}

std::vector<wire::TaskOffer> TaskQueue::Waiting() const {
  MutexLock lock(mutex_);
  std::vector<wire::TaskOffer> offers;
  offers.reserve(tasks_.size());
  for (const QueuedTask& task : tasks_) offers.push_back(task.offer);
  return offers;
}

std::vector<wire::TaskOffer> TaskQueue::All() const {
  std::vector<wire::TaskOffer> offers = Waiting();
  MutexLock lock(mutex_);
  if (current_ != nullptr) offers.push_back(current_->task.offer);
  return offers;
}

bool TaskQueue::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

}  // namespace consilium::client::session
