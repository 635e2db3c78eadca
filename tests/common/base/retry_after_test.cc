#include "common/base/retry_after.h"

#include <gtest/gtest.h>

#include "common/base/error.h"

namespace consilium {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RetryAfter, StaysWithTheStatusAndItsCode) {
  const absl::Status status = WithRetryAfter(Error(ErrorCode::kOverloaded, "full"), seconds(5));
  EXPECT_EQ(RetryAfterOf(status), seconds(5));
  EXPECT_EQ(CodeOf(status), ErrorCode::kOverloaded);
  EXPECT_EQ(RetryAfterOf(Annotate(status, "upload")), seconds(5));
  EXPECT_EQ(RetryAfterOf(WithRetryAfter(status, milliseconds(1))), milliseconds(1));
  EXPECT_EQ(RetryAfterOf(Error(ErrorCode::kOverloaded, "full")), std::nullopt);
}

TEST(RetryAfter, NobodyIsSentAwayForLong) {
  const absl::Status status = Error(ErrorCode::kOverloaded, "full");
  EXPECT_EQ(RetryAfterOf(WithRetryAfter(status, hours(100))), kLongestRetryAfter);
  EXPECT_EQ(RetryAfterOf(WithRetryAfter(status, seconds(-1))), seconds(0));
}

}  // namespace
}  // namespace consilium
