#include "common/rpc/address.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace consilium::rpc {
namespace {

using testing::HasCode;

TEST(Address, NamesAndBothKindsOfIpAreTaken) {
  for (const char* text : {"fl.hospital.org:8443", "10.0.0.5:0", "[::1]:65535", "localhost:8443"}) {
    ASSERT_OK_AND_ASSIGN(const Address address, ParseAddress(text));
    EXPECT_EQ(ToText(address), text);
  }
}

TEST(Address, AnythingElseIsRefused) {
  for (const char* text :
       {"", ":8443", "host", "host:", "host:x", "host:65536", "host:-1", "host:1x", "::1:8443",
        "[::1]", "https://host:8443", "dns:///host:8443", "ho st:1", "unix:/tmp/x", "a/b:1"}) {
    EXPECT_THAT(ParseAddress(text), HasCode(ErrorCode::kUsage)) << text;
  }
  EXPECT_THAT(ParseAddress(std::string(254, 'a') + ":1"), HasCode(ErrorCode::kUsage));
}

TEST(Address, KnowsThisMachine) {
  EXPECT_TRUE(IsLoopback({"localhost", 1}));
  EXPECT_TRUE(IsLoopback({"127.0.0.1", 1}));
  EXPECT_TRUE(IsLoopback({"::1", 1}));
  EXPECT_FALSE(IsLoopback({"10.0.0.5", 1}));
  EXPECT_FALSE(IsLoopback({"localhost.evil.org", 1}));
}

}  // namespace
}  // namespace consilium::rpc
