#include "common/base/clock.h"

#include <gtest/gtest.h>

namespace consilium {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Clock, UtcIsWrittenAsIso8601) {
  EXPECT_EQ(FormatUtc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatUtc(1767225600123), "2026-01-01T00:00:00.123Z");
  EXPECT_EQ(FormatUtc(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Clock, DurationsAreShort) {
  EXPECT_EQ(FormatDuration(milliseconds(250)), "250ms");
  EXPECT_EQ(FormatDuration(milliseconds(12'300)), "12.3s");
  EXPECT_EQ(FormatDuration(seconds(245)), "4m05s");
  EXPECT_EQ(FormatDuration(hours(2) + seconds(180)), "2h03m");
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  const Instant start = clock.Now();
  const UtcMillis utc = clock.UtcNow();
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(seconds(3));
  EXPECT_EQ(clock.Now() - start, seconds(3));
  EXPECT_EQ(clock.UtcNow() - utc, 3000);
}

TEST(SystemClock, DoesNotRunBackwards) {
  const SystemClock clock;
  const Instant before = clock.Now();
  EXPECT_LE(before, clock.Now());
}

}  // namespace
}  // namespace consilium
