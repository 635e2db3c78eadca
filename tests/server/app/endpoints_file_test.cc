#include "server/app/endpoints_file.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/base/memory_storage.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::app {
namespace {

TEST(EndpointsFile, SaysWhereTheServerListens) {
  MemoryStorage storage;
  ASSERT_THAT(storage.CreateFolder("/data"), testing::IsOk());
  ASSERT_THAT(WriteEndpoints(storage, "/data", {.listen = "[::1]:8443", .ops = "127.0.0.1:9"}),
              testing::IsOk());
  ASSERT_OK_AND_ASSIGN(const Bytes bytes, ReadWhole(storage, "/data/endpoints.json", 4096));
  const auto json = nlohmann::json::parse(AsText(bytes));
  EXPECT_EQ(json["listen"], "[::1]:8443");
  EXPECT_EQ(json["port"], 8443);
  EXPECT_EQ(json["ops"], "127.0.0.1:9");
  EXPECT_GT(json["pid"], 0);
}

}  // namespace
}  // namespace consilium::server::app
