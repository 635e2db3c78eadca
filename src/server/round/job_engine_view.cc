// What a JobEngine shows of itself: its status, the open step, and what it waits for.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "server/round/job_engine.h"

namespace consilium::server::round {

jobs::Wait JobEngine::WaitNow(Instant now) const {
  if (step_ != nullptr) return step_->WaitNow(now);
  if (backoff_.until()) return backoff_.WaitNow(now);
  jobs::Wait wait = wait_;
  if (!look_again_ || wait.kind.empty()) return wait;
  wait.left = std::max(*look_again_ - now, Duration(0));
  wait.text += fmt::format(", at most {}", FormatDuration(*wait.left));
  return wait;
}

std::string JobEngine::RefusedByDisk() const {
  if (step_ == nullptr || world_.disk.Health().ok()) return "";
  return world_.stores.updates.RefusedByDisk(job_, step_->step());
}

void JobEngine::PublishSoon(Instant now) {
  if (!paced_ || now - published_ >= kPublishPause) return Publish(now, true);
  unpublished_ = true;
}

void JobEngine::Publish(Instant now, bool tell_watchers) {
  published_ = now;
  unpublished_ = false;
  jobs::LiveView live;
  live.status = status_;
  live.wait = WaitNow(now);
  refused_ = RefusedByDisk();
  if (!refused_.empty() && live.wait.kind != "disk" && !ended_) {
    live.status = jobs::JobStatus::kWaiting;
    live.wait.kind = "disk";
    live.wait.text =
        fmt::format("the disk refused: {}; its site tries again; {}", refused_, live.wait.text);
  }
  const std::string what =
      fmt::format("{} {}", live.wait.kind, step_ != nullptr ? step_->step().value() : 0);
  if (std::exchange(waits_for_, what) != what) waits_since_ = now;
  live.wait.since = now - waits_since_;
  if (step_ != nullptr) live.current = step_->View(now);
  world_.history.SetLive(job_, std::move(live));
  if (!tell_watchers) return;
  told_ = now;
  world_.watchers.Changed(job_);
}

}  // namespace consilium::server::round
