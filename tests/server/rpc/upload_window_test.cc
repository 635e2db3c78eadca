#include "server/rpc/upload_window.h"

#include <gtest/gtest.h>

namespace consilium::server::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a line of this rate is allowed after it has carried `bytes` in pieces of half a window.
uint64_t WindowAfter(uint64_t bytes_per_second, uint64_t bytes) {
  UploadWindow window;
  Instant now{};
  window.Begin(now);
  for (uint64_t sent = 0; sent < bytes;) {
    const uint64_t piece = window.bytes() / 2;
    now += std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(double(piece) / double(bytes_per_second)));
    window.OnWritten(piece, now);
    sent += piece;
  }
  return window.bytes();
}

TEST(UploadWindow, AFastLineSoonHasTheFullWindow) {
  EXPECT_EQ(WindowAfter(100'000'000, 16'000'000), kUploadWindowBytes);
}

TEST(UploadWindow, ASlowLineHasAFewSecondsAtMost) {
  EXPECT_EQ(WindowAfter(20'000, 3'000'000), UploadWindow::kLeastBytes);
  EXPECT_EQ(WindowAfter(1'000, 3'000'000), UploadWindow::kLeastBytes) << "and never less";
}

TEST(UploadWindow, ALineInBetweenIsAllowedAboutASecond) {
  const uint64_t window = WindowAfter(1'000'000, 30'000'000);
  EXPECT_GE(window, 500'000u);
  EXPECT_LE(window, 4'000'000u);
}

TEST(UploadWindow, FastLinesTogetherRunAheadOnlySoFar) {
  UploadWindow window;
  Instant now{};
  window.Begin(now);
  while (window.bytes() < kUploadWindowBytes)
    window.OnWritten(window.bytes(), now += milliseconds(9));
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  EXPECT_EQ(window.BytesBeside(0, 0), kUploadWindowBytes);
  EXPECT_EQ(window.BytesBeside(kMiB, kAheadInAllBytes - kMiB), 2 * kMiB);
  EXPECT_EQ(window.BytesBeside(kMiB, kAheadInAllBytes), kMiB) << "no more for now";
  EXPECT_EQ(window.BytesBeside(0, 3 * kAheadInAllBytes), UploadWindow::kFirstBytes)
      << "who has nothing under way always gets something";
}

TEST(UploadWindow, ALineThatGetsSlowerIsAllowedLess) {
  UploadWindow window;
  Instant now{};
  window.Begin(now);
  while (window.bytes() < kUploadWindowBytes)
    window.OnWritten(window.bytes(), now += milliseconds(9));
  window.OnWritten(1000, now += seconds(5));
  EXPECT_EQ(window.bytes(), kUploadWindowBytes / 2);
}

}  // namespace
}  // namespace consilium::server::rpc
