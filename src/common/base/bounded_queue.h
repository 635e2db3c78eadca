// A queue with a bound, many producers, one consumer or more.
//
// Push fails instead of growing: the caller turns that into back-pressure or a named refusal.
// Thread-safe. Close wakes every waiter; what is queued can still be popped.
#ifndef CONSILIUM_COMMON_BASE_BOUNDED_QUEUE_H_
#define CONSILIUM_COMMON_BASE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace consilium {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // False when full or closed; `value` is then untouched.
  bool TryPush(T&& value) {
    MutexLock lock(mutex_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(value));
    changed_.NotifyOne();
    return true;
  }

  // Waits for an item until `deadline`; nullopt when it passed, or closed and empty.
  std::optional<T> PopUntil(std::chrono::steady_clock::time_point deadline) {
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) {
      if (!changed_.WaitUntil(mutex_, deadline) && items_.empty()) return std::nullopt;
    }
    return PopLocked();
  }

  // PopUntil by the steady clock.
  std::optional<T> PopFor(Duration wait) {
    return PopUntil(std::chrono::steady_clock::now() + wait);
  }

  std::optional<T> TryPop() {
    MutexLock lock(mutex_);
    return PopLocked();
  }

  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
  }

  bool closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return items_.size();
  }

 private:
  std::optional<T> PopLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  const size_t capacity_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<T> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_BOUNDED_QUEUE_H_
