#include "common/wire/retry_after.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "absl/strings/cord.h"
#include "common/base/check.h"

namespace consilium::wire {
namespace {

constexpr const char* kRetryAfterUrl = "consilium/retry-after-ms";

}  // namespace

absl::Status WithRetryAfter(absl::Status status, Duration wait) {
  CN_CHECK(!status.ok());
  const auto bounded = std::clamp(wait, Duration(0), kMaxRetryAfter);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(bounded).count();
  const std::string text = std::to_string(ms);
  // By way of a view: see common/base/error.cc.
  status.SetPayload(kRetryAfterUrl, absl::Cord(absl::string_view(text)));
  return status;
}

std::optional<Duration> RetryAfterOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryAfterUrl);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc() || end != text.data() + text.size() || ms < 0) return std::nullopt;
  return std::min<Duration>(std::chrono::milliseconds(ms), kMaxRetryAfter);
}

}  // namespace consilium::wire
