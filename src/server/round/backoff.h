// When to try again after the disk failed: 1 s, doubling to 30 s. Not thread-safe.
#ifndef CONSILIUM_SERVER_ROUND_BACKOFF_H_
#define CONSILIUM_SERVER_ROUND_BACKOFF_H_

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "server/jobs/job_view.h"

namespace consilium::server::round {

inline constexpr Duration kFirstRetry = std::chrono::seconds(1);
inline constexpr Duration kSlowestRetry = std::chrono::seconds(30);

class Backoff {
 public:
  void Fail(const absl::Status& why, Instant now) {
    delay_ = until_ ? std::min(delay_ * 2, kSlowestRetry) : kFirstRetry;
    until_ = now + delay_;
    reason_ = std::string(why.message());
  }
  void Reset() {
    until_.reset();
    reason_.clear();
  }
  bool MayTry(Instant now) const { return !until_ || now >= *until_; }
  // Absent while all is well.
  std::optional<Instant> until() const { return until_; }
  const std::string& reason() const { return reason_; }
  // What a person is told while it is not well.
  jobs::Wait WaitNow(Instant now) const {
    const Duration left = until_ ? std::max(*until_ - now, Duration(0)) : Duration(0);
    return {"disk",
            fmt::format("the disk refused: {}; trying again in {}", reason_, FormatDuration(left)),
            {},
            Duration(0),
            left};
  }

 private:
  Duration delay_ = kFirstRetry;
  std::optional<Instant> until_;
  std::string reason_;
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_BACKOFF_H_
