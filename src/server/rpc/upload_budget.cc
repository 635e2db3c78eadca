#include "server/rpc/upload_budget.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace consilium::server::rpc {

UploadBudget::UploadBudget(uint64_t total) : total_(total), free_(total) {
  CN_CHECK(total >= kLeastGrant);
}

void UploadBudget::Ask(uint64_t wanted, Granted granted) {
  CN_CHECK(wanted > 0);
  {
    MutexLock lock(mutex_);
    waiting_.push_back({wanted, std::move(granted)});
  }
  Serve();
}

void UploadBudget::GiveBack(uint64_t bytes) {
  {
    MutexLock lock(mutex_);
    CN_CHECK(bytes <= total_ - free_);
    free_ += bytes;
  }
  Serve();
}

bool UploadBudget::TryTake(uint64_t bytes) {
  MutexLock lock(mutex_);
  if (!waiting_.empty() || bytes > free_) return false;
  free_ -= bytes;
  return true;
}

void UploadBudget::Serve() {
  bool mine = false;  // whether it is this call that serves
  for (;;) {
    Question next;
    uint64_t grant = 0;
    {
      MutexLock lock(mutex_);
      if (serving_ && !mine) return;  // whoever serves will see what we did
      const bool possible =
          !waiting_.empty() && free_ >= std::min(waiting_.front().wanted, kLeastGrant);
      serving_ = mine = possible;
      if (!possible) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
      grant = std::min(next.wanted, free_);
      free_ -= grant;
    }
    next.granted(grant);
  }
}

uint64_t UploadBudget::free() const {
  MutexLock lock(mutex_);
  return free_;
}

uint64_t UploadBudget::granted() const { return total_ - free(); }

size_t UploadBudget::waiting() const {
  MutexLock lock(mutex_);
  return waiting_.size();
}

}  // namespace consilium::server::rpc
