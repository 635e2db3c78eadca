#include "server/rpc/worker_pool.h"

#include <chrono>
#include <utility>

namespace consilium::server::rpc {

WorkerPool::WorkerPool(size_t threads, size_t most_queued) : tasks_(most_queued) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() {
  tasks_.Close();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::TryRun(std::function<void()> task) { return tasks_.TryPush(std::move(task)); }

void WorkerPool::Work() {
  for (;;) {
    auto task = tasks_.PopFor(std::chrono::hours(1));
    if (task) {
      (*task)();
    } else if (tasks_.closed()) {
      return;
    }
  }
}

}  // namespace consilium::server::rpc
