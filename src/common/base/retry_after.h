// When to come back, as told by the side that says no: a part of an absl::Status, beside its code.
//
// A server that drains, or that is over one of its caps, knows best how long that lasts. Who hears
// it waits that long at least and twice that at most, drawn anew each time (client/rpc/backoff.h):
// a thousand sites then do not come back in the same second. It travels in the error details
// (docs/formats/error_details.md).
#ifndef CONSILIUM_COMMON_BASE_RETRY_AFTER_H_
#define CONSILIUM_COMMON_BASE_RETRY_AFTER_H_

#include <optional>

#include "absl/status/status.h"
#include "common/base/clock.h"

namespace consilium {

// A peer cannot send anybody away for longer.
inline constexpr Duration kLongestRetryAfter = std::chrono::minutes(5);

// `status`, which is not ok, with a time to come back; at most kLongestRetryAfter.
absl::Status WithRetryAfter(absl::Status status, Duration after);
// Absent when nobody said. At most kLongestRetryAfter.
std::optional<Duration> RetryAfterOf(const absl::Status& status);

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_RETRY_AFTER_H_
