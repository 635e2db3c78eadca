// Time enters through Clock&: code that waits can be driven by a seeded simulation.
//
// Instants are for liveness (leases, deadlines) and never leave the process. Utc is for
// certificates, envelopes, logs and journals.
#ifndef CONSILIUM_COMMON_BASE_CLOCK_H_
#define CONSILIUM_COMMON_BASE_CLOCK_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "common/base/mutex.h"

namespace consilium {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using UtcMillis = int64_t;  // milliseconds since 1970-01-01T00:00:00Z

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() const = 0;
  virtual UtcMillis UtcNow() const = 0;
};

// The machine's clocks. Thread-safe.
class SystemClock final : public Clock {
 public:
  Instant Now() const override;
  UtcMillis UtcNow() const override;
};

// A clock that moves only when told. Thread-safe.
class ManualClock final : public Clock {
 public:
  Instant Now() const override;
  UtcMillis UtcNow() const override;
  void Advance(Duration by);

 private:
  mutable Mutex mutex_;
  Duration elapsed_ ABSL_GUARDED_BY(mutex_){0};
};

// "2026-01-31T12:00:00.123Z"
std::string FormatUtc(UtcMillis time);
// "250ms", "12.3s", "4m05s", "2h03m"
std::string FormatDuration(Duration duration);

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_CLOCK_H_
