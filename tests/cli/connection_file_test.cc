#include "cli/connection_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/context.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::cli {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

constexpr const char* kFile =
    "[server]\naddress = \"host:1\"\n[tls]\ncert = \"c.pem\"\n"
    "key = \"/abs/k.pem\"\nca = \"a.pem\"\n";

TEST(FindConnection, PathsAreRelativeToTheFile) {
  testing::TempFolder folder;
  const std::string path = folder.path() + "/cli.toml";
  ASSERT_THAT(WriteFile(path, kFile), IsOk());
  ASSERT_OK_AND_ASSIGN(const ConnectionOptions options, FindConnection(path, {}));
  EXPECT_EQ(options.server, "host:1");
  EXPECT_EQ(options.cert, folder.path() + "/c.pem");
  EXPECT_EQ(options.key, "/abs/k.pem");
}

TEST(FindConnection, AFlagWinsOverTheFile) {
  testing::TempFolder folder;
  const std::string path = folder.path() + "/cli.toml";
  ASSERT_THAT(WriteFile(path, kFile), IsOk());
  ASSERT_OK_AND_ASSIGN(const ConnectionOptions options,
                       FindConnection(path, {.server = "other:2"}));
  EXPECT_EQ(options.server, "other:2");
}

TEST(FindConnection, WhatIsMissingIsNamed) {
  testing::TempFolder folder;
  const std::string path = folder.path() + "/cli.toml";
  ASSERT_THAT(WriteFile(path, "[server]\naddress = \"host:1\"\n"), IsOk());
  const auto options = FindConnection(path, {});
  EXPECT_THAT(options, HasCode(ErrorCode::kConfigMissingKey));
  EXPECT_THAT(std::string(options.status().message()), ::testing::HasSubstr("--cert, --key, --ca"));
}

TEST(FindConnection, AnUnknownKeyIsAnErrorWithItsPlace) {
  testing::TempFolder folder;
  const std::string path = folder.path() + "/cli.toml";
  ASSERT_THAT(WriteFile(path, "[server]\nadress = \"host:1\"\n"), IsOk());
  const auto options = FindConnection(path, {});
  EXPECT_THAT(options, HasCode(ErrorCode::kConfigUnknownKey));
  ASSERT_TRUE(PlaceOf(options.status()).has_value());
  EXPECT_EQ(PlaceOf(options.status())->line, 2);
}

}  // namespace
}  // namespace consilium::cli
