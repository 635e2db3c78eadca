#include "common/config/daemon_sections.h"

#include <gtest/gtest.h>

#include <optional>

namespace consilium::config {
namespace {

TEST(HostPort, ReadsNamesAndBothKindsOfAddresses) {
  for (const char* text : {"127.0.0.1:9090", "[::1]:0", "consilium.example.org:8443"}) {
    const auto parsed = ParseHostPort(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(HostPortText(*parsed), text);
  }
  EXPECT_EQ(ParseHostPort("[fe80::1]:443")->host, "fe80::1");
}

TEST(HostPort, RefusesWhatIsNone) {
  for (const char* text : {"", "8443", ":8443", "host:", "host:port", "host:65536", "host:-1",
                           "::1:8443", "[]:1", "[::1:1", "host:80 "}) {
    EXPECT_EQ(ParseHostPort(text).has_value(), false) << text;
  }
}

}  // namespace
}  // namespace consilium::config
