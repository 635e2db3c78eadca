#include "client/session/task_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace consilium::client::session {
namespace {

wire::TaskOffer OfferOf(uint64_t step) {
  wire::TaskOffer offer;
  offer.job = JobId("0123456789abcdef");
  offer.step = StepNumber(step);
  return offer;
}

TEST(TaskQueue, TaskIsHandedOutOnce) {
  TaskQueue queue(8);
  EXPECT_EQ(queue.Add(OfferOf(1)), TaskQueue::Added::kQueued);
  EXPECT_EQ(queue.Add(OfferOf(1)), TaskQueue::Added::kKnown);
  ASSERT_NE(queue.Take(Instant{}), nullptr);
  queue.End(true);
  EXPECT_EQ(queue.Take(Instant{}), nullptr);
}

TEST(TaskQueue, TasksAndControlWorkAreBounded) {
  TaskQueue queue(2);
  EXPECT_EQ(queue.Add(OfferOf(1)), TaskQueue::Added::kQueued);
  EXPECT_EQ(queue.Add(OfferOf(2)), TaskQueue::Added::kQueued);
  EXPECT_EQ(queue.Add(OfferOf(3)), TaskQueue::Added::kFull);
  EXPECT_TRUE(queue.AddControl(wire::JobEnded{}));
  EXPECT_TRUE(queue.AddControl(wire::JobEnded{}));
  EXPECT_FALSE(queue.AddControl(wire::JobEnded{}));
}

TEST(TaskQueue, OfferAfterACancelIsNotLost) {
  TaskQueue queue(8);
  queue.Add(OfferOf(1));
  const auto current = queue.Take(Instant{});
  queue.Cancel(OfferOf(1).job, StepNumber(1));
  EXPECT_TRUE(current->cancelled);
  queue.Add(OfferOf(1));
  queue.End(false);
  EXPECT_NE(queue.Take(Instant{}), nullptr);
}

TEST(TaskQueue, RetriesAreSpacedAndCounted) {
  TaskQueue queue(8);
  queue.Add(OfferOf(1));
  Instant now{};
  unsigned tries = 0;
  for (bool again = true; again; ++tries) {
    ASSERT_LT(tries, 100u);
    const auto current = queue.Take(now);
    ASSERT_NE(current, nullptr);
    again = queue.Retry(*current, now, true);
    EXPECT_EQ(queue.Take(now), nullptr) << "not at once";
    now += kLastRetry;
  }
  EXPECT_EQ(tries, kMaxAttempts);
}

TEST(TaskQueue, WithPatienceRetriesGoOnUntilTheOffersTimeIsOver) {
  TaskQueue queue(8);
  wire::TaskOffer offer = OfferOf(1);
  offer.time_left = std::chrono::hours(1);
  queue.Add(offer);
  const Instant begun = Instant{} + std::chrono::minutes(1);
  Instant now = begun;
  unsigned tries = 0;
  for (bool again = true; again; ++tries) {
    const auto current = queue.Take(now);
    ASSERT_NE(current, nullptr);
    again = queue.Retry(*current, now, true, Patience::kDeadline);
    EXPECT_EQ(queue.Take(now), nullptr) << "not at once";
    now += kLastRetry;
  }
  EXPECT_EQ(now - kLastRetry, begun + std::chrono::hours(1));
  EXPECT_GT(tries, kMaxAttempts);
}

TEST(TaskQueue, WithoutAConnectionATaskWaitsForOne) {
  TaskQueue queue(8);
  queue.Add(OfferOf(1));
  const auto current = queue.Take(Instant{});
  EXPECT_TRUE(queue.Retry(*current, Instant{}, false));
  EXPECT_EQ(queue.Take(Instant{} + std::chrono::hours(1)), nullptr);
  queue.OnConnected();
  EXPECT_NE(queue.Take(Instant{}), nullptr);
}

TEST(TaskQueue, StopWakesTheWorker) {
  TaskQueue queue(8);
  std::thread worker([&] {
    while (queue.WaitForWork()) {
    }
  });
  queue.Stop();
  worker.join();
  queue.Add(OfferOf(1));
  EXPECT_EQ(queue.Take(Instant{}), nullptr);
}

}  // namespace
}  // namespace consilium::client::session
