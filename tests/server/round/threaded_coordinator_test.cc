// The coordinator with its own threads, under the machine's clock: for the thread sanitizer, and to
// see that nobody waits for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

constexpr Duration kPatience = std::chrono::seconds(60);

// Wakes whoever waits when mail came or a job changed.
class Bell {
 public:
  void Ring() {
    MutexLock lock(mutex_);
    ++rung_;
    changed_.NotifyAll();
  }
  uint64_t rung() const {
    MutexLock lock(mutex_);
    return rung_;
  }
  // False when nothing rang for long.
  bool WaitAfter(uint64_t heard) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (rung_ == heard) {
      if (!changed_.WaitUntil(mutex_, until) && rung_ == heard) return false;
    }
    return true;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  uint64_t rung_ ABSL_GUARDED_BY(mutex_) = 0;
};

class ThreadedCoordinator : public ::testing::Test {
 protected:
  ThreadedCoordinator() {
    for (const char* name : {"a", "b", "c"}) {
      sites_.push_back(
          std::make_unique<FakeSite>(name, FakeSite::Manners{}, [this] { bell_.Ring(); }));
    }
    Start();
  }
  ~ThreadedCoordinator() override { StopSites(); }

  void Start() {
    Coordinator::Options options = SmallFederation::Options();
    options.threads = true;
    auto created = Coordinator::Create(options, storage_, clock_);
    ASSERT_TRUE(created.ok()) << created.status();
    server_ = *std::move(created);
    stop_ = false;
    for (const auto& site : sites_) {
      workers_.emplace_back([this, &site] {
        site->Attend(*server_);
        while (!stop_) {
          const uint64_t heard = bell_.rung();
          if (!site->Work() && !stop_) bell_.WaitAfter(heard);
        }
      });
    }
  }
  void StopSites() {
    stop_ = true;
    bell_.Ring();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }
  JobId Submit(uint8_t nonce) {
    wire::Envelope envelope;
    envelope.federation = "test";
    envelope.nonce[0] = std::byte{nonce};
    envelope.expiry = clock_.UtcNow() + 3'600'000;
    const auto submitted =
        server_->Submit("ada", wire::EncodeEnvelope(envelope), AsBytes(JobText()));
    EXPECT_TRUE(submitted.ok()) << submitted.status();
    return submitted->job;
  }
  jobs::JobView WaitForEnd(const JobId& job) {
    const auto ticket = server_->Watch(job, [this](uint64_t) { bell_.Ring(); });
    EXPECT_TRUE(ticket.ok());
    while (true) {
      const uint64_t heard = bell_.rung();
      const jobs::JobView view = server_->Show(job).value();
      if (view.ended != 0 || !bell_.WaitAfter(heard)) {
        server_->Unwatch(*ticket);
        return view;
      }
    }
  }

  Bell bell_;
  MemoryStorage storage_;
  SystemClock clock_;
  std::unique_ptr<Coordinator> server_;
  std::vector<std::unique_ptr<FakeSite>> sites_;
  std::vector<std::thread> workers_;
  std::atomic<bool> stop_ = false;
};

TEST_F(ThreadedCoordinator, JobsAtOnceAllEndWithTheSameState) {
  std::vector<JobId> all;
  for (uint8_t nonce = 1; nonce <= 4; ++nonce) all.push_back(Submit(nonce));
  const jobs::JobView first = WaitForEnd(all.front());
  EXPECT_EQ(first.status, jobs::JobStatus::kDone) << first.wait.text << first.reason;
  for (const JobId& job : all) {
    const jobs::JobView view = WaitForEnd(job);
    EXPECT_EQ(view.status, jobs::JobStatus::kDone) << view.wait.text << view.reason;
    EXPECT_EQ(view.state, first.state);
  }
}

TEST_F(ThreadedCoordinator, CancelComesInBetween) {
  const JobId job = Submit(1);
  ASSERT_TRUE(server_->Cancel(job, "bob").ok());
  const jobs::JobView view = WaitForEnd(job);
  EXPECT_TRUE(view.status == jobs::JobStatus::kCancelled || view.status == jobs::JobStatus::kDone);
}

TEST_F(ThreadedCoordinator, DrainInMidJobLosesNothing) {
  const JobId job = Submit(1);
  server_->Drain();
  StopSites();
  for (const auto& site : sites_) site->ServerIsGone();
  server_.reset();
  Start();
  const jobs::JobView view = WaitForEnd(job);
  EXPECT_EQ(view.status, jobs::JobStatus::kDone) << view.wait.text << view.reason;
  EXPECT_EQ(view.rounds_committed, 2u);
}

}  // namespace
}  // namespace consilium::server::round
