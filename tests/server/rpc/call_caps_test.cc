#include "server/rpc/call_caps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/base/retry_after.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::rpc {
namespace {

using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;

TEST(CallCaps, OnePeerCannotTakeTheRoomOfTheOthers) {
  CallCaps caps("uploads", {.of_one = 2, .of_all = 3});
  auto first = caps.Take("north");
  const auto second = caps.Take("north");
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  const auto third = caps.Take("north");
  EXPECT_THAT(third, HasCode(ErrorCode::kOverloaded));
  EXPECT_THAT(std::string(third.status().message()), HasSubstr("north has 2 open uploads"));
  EXPECT_EQ(RetryAfterOf(third.status()), std::chrono::seconds(5));
  EXPECT_THAT(caps.Take("south"), IsOk()) << "and what it took is given back at once";
  first->reset();
  EXPECT_THAT(caps.Take("north"), IsOk());
}

TEST(CallCaps, AllTogetherHaveACapToo) {
  CallCaps caps("streams", {.of_one = 2, .of_all = 3});
  std::vector<std::shared_ptr<CallCaps::Ticket>> held;
  for (const char* site : {"a", "b", "c"}) held.push_back(caps.Take(site).value());
  EXPECT_THAT(caps.Take("d"), HasCode(ErrorCode::kOverloaded));
  EXPECT_EQ(caps.open(), 3u);
  held.pop_back();
  EXPECT_THAT(caps.Take("d"), IsOk());
  EXPECT_EQ(caps.open(), 2u);
}

}  // namespace
}  // namespace consilium::server::rpc
