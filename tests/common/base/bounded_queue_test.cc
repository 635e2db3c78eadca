#include "common/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace consilium {
namespace {

using std::chrono::steady_clock;

TEST(BoundedQueue, FullQueueRefusesAndLeavesTheValueAlone) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(queue.TryPush(std::move(second)));
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueue, ValuesComeInOrder) {
  BoundedQueue<int> queue(3);
  for (int i : {1, 2, 3}) EXPECT_TRUE(queue.TryPush(std::move(i)));
  for (int i : {1, 2, 3}) EXPECT_EQ(queue.TryPop(), i);
  EXPECT_EQ(queue.TryPop(), std::nullopt);
}

TEST(BoundedQueue, CloseRefusesNewValuesAndKeepsQueuedOnes) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.TryPush(7));
  queue.Close();
  EXPECT_FALSE(queue.TryPush(8));
  EXPECT_EQ(queue.PopUntil(steady_clock::now()), 7);
  EXPECT_EQ(queue.PopUntil(steady_clock::now() + std::chrono::hours(1)), std::nullopt);
}

TEST(BoundedQueue, WaitEndsAtItsDeadline) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.PopUntil(steady_clock::now()), std::nullopt);
  EXPECT_EQ(queue.PopFor(std::chrono::milliseconds(1)), std::nullopt);
  EXPECT_TRUE(queue.TryPush(3));
  EXPECT_EQ(queue.PopFor(std::chrono::hours(1)), 3);
}

TEST(BoundedQueue, WaiterIsWokenByPushAndByClose) {
  BoundedQueue<int> queue(1);
  std::optional<int> first, second = 1;
  std::thread waiter([&] {
    const auto deadline = steady_clock::now() + std::chrono::hours(1);
    first = queue.PopUntil(deadline);
    second = queue.PopUntil(deadline);
  });
  EXPECT_TRUE(queue.TryPush(5));
  while (queue.size() > 0) std::this_thread::yield();
  queue.Close();
  waiter.join();
  EXPECT_EQ(first, 5);
  EXPECT_EQ(second, std::nullopt);
}

}  // namespace
}  // namespace consilium
