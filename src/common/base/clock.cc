#include "common/base/clock.h"

#include <fmt/format.h>

#include <ctime>

namespace consilium {
namespace {

// Where a ManualClock starts: 2026-01-01T00:00:00Z.
constexpr UtcMillis kManualStart = 1767225600000;

}  // namespace

Instant SystemClock::Now() const { return std::chrono::steady_clock::now(); }

UtcMillis SystemClock::UtcNow() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Instant ManualClock::Now() const {
  MutexLock lock(mutex_);
  return Instant(elapsed_);
}

UtcMillis ManualClock::UtcNow() const {
  MutexLock lock(mutex_);
  return kManualStart + std::chrono::duration_cast<std::chrono::milliseconds>(elapsed_).count();
}

void ManualClock::Advance(Duration by) {
  MutexLock lock(mutex_);
  elapsed_ += by;
}

std::string FormatUtc(UtcMillis time) {
  UtcMillis millis = time % 1000;
  std::time_t seconds = time / 1000;
  if (millis < 0) {
    millis += 1000;
    --seconds;
  }
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     millis);
}

std::string FormatDuration(Duration duration) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (millis < 1000) return fmt::format("{}ms", millis);
  if (millis < 60'000) return fmt::format("{:.1f}s", static_cast<double>(millis) / 1000.0);
  const auto seconds = millis / 1000;
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

}  // namespace consilium
