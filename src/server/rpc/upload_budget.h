// One number of bytes that all uploads together may have under way: what was allowed by
// `send_until` and is not written yet. Transport buffers then stay small, whatever the number of
// sites.
//
// Grants are given in the order asked. A grant is at least kLeastGrant (or all that was wanted), so
// a crowd gets turns of a useful size, not crumbs.
// Thread-safe. `granted` runs on the thread that asked or on one that gave bytes back, never under
// the budget's lock; the asker must not hold a lock that `granted` takes.
#ifndef CONSILIUM_SERVER_RPC_UPLOAD_BUDGET_H_
#define CONSILIUM_SERVER_RPC_UPLOAD_BUDGET_H_

#include <cstdint>
#include <deque>
#include <functional>

#include "common/base/mutex.h"

namespace consilium::server::rpc {

class UploadBudget {
 public:
  static constexpr uint64_t kLeastGrant = uint64_t{256} * 1024;
  using Granted = std::function<void(uint64_t bytes)>;

  // REQUIRES: total >= kLeastGrant.
  explicit UploadBudget(uint64_t total);

  // Asks for up to `wanted` > 0 bytes; `granted` is called once, now or when others gave back. Who
  // no longer wants them gives them back at once.
  void Ask(uint64_t wanted, Granted granted);
  void GiveBack(uint64_t bytes);
  // All of `bytes` now, or nothing; not before those who wait. GiveBack them.
  bool TryTake(uint64_t bytes);

  uint64_t free() const;
  uint64_t granted() const;  // and not given back yet
  size_t waiting() const;

 private:
  struct Question {
    uint64_t wanted;
    Granted granted;
  };
  void Serve();

  const uint64_t total_;
  mutable Mutex mutex_;
  uint64_t free_ ABSL_GUARDED_BY(mutex_);
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;  // one at a time: grants may give back at once
  std::deque<Question> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_UPLOAD_BUDGET_H_
