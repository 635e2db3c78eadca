#include "common/config/units.h"

#include <gtest/gtest.h>

namespace consilium::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ParseDuration, ReadsUnitsFromLargestToSmallest) {
  EXPECT_EQ(ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(ParseDuration("5m"), minutes(5));
  EXPECT_EQ(ParseDuration("1h30m"), minutes(90));
  EXPECT_EQ(ParseDuration("2d"), hours(48));
  EXPECT_EQ(ParseDuration("1d2h3m4s5ms"), hours(26) + minutes(3) + seconds(4) + milliseconds(5));
  EXPECT_EQ(ParseDuration("0s"), seconds(0));
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* text : {"", "5", "m", "5 m", "5m ", "-5m", "5m5m", "5s1m", "1.5h", "5min", "5M",
                           "99999999999999999999s", "9223372036854775807d", "3651d"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, ReadsWhatDurationTextWrites) {
  for (const int64_t ms : {0L, 1L, 999L, 1000L, 61'000L, 3'600'001L, 86'400'000L, 90'061'001L}) {
    EXPECT_EQ(ParseDuration(DurationText(milliseconds(ms))), milliseconds(ms)) << ms;
  }
  EXPECT_EQ(DurationText(minutes(90)), "1h30m");
}

TEST(ParseByteSize, ReadsPowersOfBothKinds) {
  EXPECT_EQ(ParseByteSize("4096"), 4096u);
  EXPECT_EQ(ParseByteSize("512MiB"), 512u << 20);
  EXPECT_EQ(ParseByteSize("2GiB"), uint64_t{2} << 30);
  EXPECT_EQ(ParseByteSize("1TiB"), uint64_t{1} << 40);
  EXPECT_EQ(ParseByteSize("8KiB"), 8192u);
  EXPECT_EQ(ParseByteSize("10MB"), 10'000'000u);
  EXPECT_EQ(ParseByteSize("17B"), 17u);
}

TEST(ParseByteSize, RefusesEverythingElse) {
  for (const char* text : {"", "MiB", "5 MiB", "5mib", "-5MiB", "5MiB5KiB", "1.5GiB",
                           "99999999999999999999B", "9999999999TiB"}) {
    EXPECT_EQ(ParseByteSize(text), std::nullopt) << text;
  }
}

TEST(ParseByteSize, ReadsWhatByteSizeTextWrites) {
  for (const uint64_t bytes : {0ul, 1ul, 1000ul, 1024ul, 1025ul, 1ul << 20, 1ul << 40}) {
    EXPECT_EQ(ParseByteSize(ByteSizeText(bytes)), bytes);
  }
  EXPECT_EQ(ByteSizeText(uint64_t{64} << 20), "64MiB");
}

}  // namespace
}  // namespace consilium::config
