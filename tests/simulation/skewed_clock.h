// One process's clocks: the machine's steady time, and a wall clock that can be set wrong.
#ifndef CONSILIUM_TESTS_SIMULATION_SKEWED_CLOCK_H_
#define CONSILIUM_TESTS_SIMULATION_SKEWED_CLOCK_H_

#include "common/base/clock.h"

namespace consilium::simulation {

// Not thread-safe. `clock` outlives it.
class SkewedClock final : public Clock {
 public:
  explicit SkewedClock(const Clock& clock) : clock_(clock) {}
  Instant Now() const override { return clock_.Now(); }
  UtcMillis UtcNow() const override { return clock_.UtcNow() + skew_; }
  void Jump(UtcMillis by) { skew_ += by; }

 private:
  const Clock& clock_;
  UtcMillis skew_ = 0;
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_SKEWED_CLOCK_H_
