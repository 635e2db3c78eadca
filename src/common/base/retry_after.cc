#include "common/base/retry_after.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace consilium {
namespace {

constexpr char kRetryKey[] = "consilium/retry-after-ms";

Duration Within(Duration after) { return std::clamp(after, Duration(0), kLongestRetryAfter); }

}  // namespace

absl::Status WithRetryAfter(absl::Status status, Duration after) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(Within(after)).count();
  const std::string text = fmt::format("{}", millis);
  status.SetPayload(kRetryKey, absl::Cord(absl::string_view(text.data(), text.size())));
  return status;
}

std::optional<Duration> RetryAfterOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryKey);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  int64_t millis = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), millis);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Within(std::chrono::milliseconds(millis));
}

}  // namespace consilium
