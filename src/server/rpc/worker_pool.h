// A few threads for what may block (disk, parsing a job, replaying one), so gRPC's own never do.
//
// The queue is bounded: a full one is answered with kOverloaded by whoever asked. A stream has at
// most one task queued at a time, so it never needs more than the open streams.
// Thread-safe. The destructor runs what is queued, then joins.
#ifndef CONSILIUM_SERVER_RPC_WORKER_POOL_H_
#define CONSILIUM_SERVER_RPC_WORKER_POOL_H_

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "common/base/bounded_queue.h"

namespace consilium::server::rpc {

inline constexpr size_t kWorkerThreads = 4;
inline constexpr size_t kMaxQueuedTasks = 65536;

class WorkerPool {
 public:
  explicit WorkerPool(size_t threads = kWorkerThreads, size_t most_queued = kMaxQueuedTasks);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False when the queue is full; the task is then not run.
  [[nodiscard]] bool TryRun(std::function<void()> task);

 private:
  void Work();
  BoundedQueue<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_WORKER_POOL_H_
