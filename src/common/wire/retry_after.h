// How long whoever was refused should wait before trying again, carried inside absl::Status.
//
// Who refuses knows how busy it is and how many will come back; who is refused waits at least that
// long, and at random up to twice as long (client/rpc/backoff.h), so that a federation does not
// come back in the same second. It travels in the error details (docs/formats/error_details.md).
#ifndef CONSILIUM_COMMON_WIRE_RETRY_AFTER_H_
#define CONSILIUM_COMMON_WIRE_RETRY_AFTER_H_

#include <optional>

#include "absl/status/status.h"
#include "common/base/clock.h"

namespace consilium::wire {

// Longer ones are taken for this.
inline constexpr Duration kMaxRetryAfter = std::chrono::minutes(5);

// `status` with it; cut to kMaxRetryAfter, in whole milliseconds. REQUIRES: !status.ok().
absl::Status WithRetryAfter(absl::Status status, Duration wait);
std::optional<Duration> RetryAfterOf(const absl::Status& status);

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_RETRY_AFTER_H_
