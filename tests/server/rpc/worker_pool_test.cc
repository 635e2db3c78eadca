#include "server/rpc/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

namespace consilium::server::rpc {
namespace {

TEST(WorkerPool, RunsWhatWasQueuedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(2);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.TryRun([&] { ++ran; }));
  }
  EXPECT_EQ(ran, 100);
}

TEST(WorkerPool, AFullQueueRefusesInsteadOfGrowing) {
  std::promise<void> started;
  std::promise<void> release;
  WorkerPool pool(1, 2);
  ASSERT_TRUE(pool.TryRun([&] {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool.TryRun([] {}));
  EXPECT_TRUE(pool.TryRun([] {}));
  EXPECT_FALSE(pool.TryRun([] {}));
  release.set_value();
}

}  // namespace
}  // namespace consilium::server::rpc
