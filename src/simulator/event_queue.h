// Simulated time: what happens next, in order of time, then of being scheduled.
#ifndef CONSILIUM_SIMULATOR_EVENT_QUEUE_H_
#define CONSILIUM_SIMULATOR_EVENT_QUEUE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "common/base/clock.h"

namespace consilium::simulator {

// Not thread-safe. `clock` outlives it and is moved only by it.
class EventQueue {
 public:
  explicit EventQueue(ManualClock& clock) : clock_(clock) {}

  void After(Duration delay, std::function<void()> action) {
    events_.emplace(std::pair(clock_.Now() + delay, ++count_), std::move(action));
  }
  Instant Now() const { return clock_.Now(); }
  std::optional<Instant> Next() const {
    if (events_.empty()) return std::nullopt;
    return events_.begin()->first.first;
  }
  // Moves the clock to the first event, or to `wake` when that is earlier, and performs the event.
  // False when there is neither.
  bool Step(std::optional<Instant> wake) {
    const std::optional<Instant> next = Next();
    if (!next && !wake) return false;
    const Instant now = clock_.Now();
    if (wake && (!next || *wake < *next)) {
      if (*wake > now) clock_.Advance(*wake - now);
      return true;
    }
    if (*next > now) clock_.Advance(*next - now);
    auto event = events_.extract(events_.begin());
    event.mapped()();
    return true;
  }

 private:
  ManualClock& clock_;
  uint64_t count_ = 0;
  std::map<std::pair<Instant, uint64_t>, std::function<void()>> events_;
};

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_EVENT_QUEUE_H_
