#include "client/app/client_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_keys.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::app {
namespace {

using ::testing::ElementsAre;
using testing::HasCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kSmallest = R"(
[client]
server = "centre:8443"
data = "data"
[tls]
cert = "cert.pem"
key = "key.pem"
ca = "ca.pem"
)";

absl::StatusOr<ClientConfig> Parse(std::string_view more, config::Layers layers = {}) {
  return ParseClientConfig(std::string(kSmallest) + std::string(more), "/srv/client.toml",
                           std::move(layers));
}

TEST(ClientConfig, TheSmallestFileAllowsNothingAndListensNowhere) {
  ASSERT_OK_AND_ASSIGN(const ClientConfig config, Parse(""));
  EXPECT_EQ(config.server, "centre:8443");
  EXPECT_EQ(config.data, "/srv/data");
  EXPECT_THAT(config.datasets, IsEmpty());
  EXPECT_THAT(config.policy.datasets, IsEmpty());
  EXPECT_THAT(config.policy.researchers, IsEmpty());
  EXPECT_FALSE(config.ops.listen.has_value());
  EXPECT_FALSE(config.threads.has_value());
  EXPECT_FALSE(config.memory_bytes.has_value());
}

TEST(ClientConfig, WhatIsRefusedNamesItsKeyOnce) {
  const std::string base = std::string(kSmallest) + R"([datasets.heart]
path = "heart.csv"
)";
  testing::ExpectRefusalsNameTheirKeyOnce("client-toml.md", base, [](std::string_view text) {
    return ParseClientConfig(text, "/srv/client.toml", {}).status();
  });
}

TEST(ClientConfig, DatasetsPolicyAndLimitsAreRead) {
  ASSERT_OK_AND_ASSIGN(const ClientConfig config, Parse(R"(
[datasets.heart]
path = "heart.csv"
[policy]
datasets = ["heart"]
workloads = ["train"]
researchers = ["ada"]
[limits]
threads = 2
memory = "4GiB"
checkpoint = "2m"
drain = "5s"
[ops]
listen = "127.0.0.1:0"
)"));
  ASSERT_EQ(config.datasets.size(), 1u);
  EXPECT_EQ(config.datasets[0].path, "/srv/heart.csv");
  EXPECT_THAT(config.policy.researchers, ElementsAre("ada"));
  EXPECT_EQ(config.threads, 2u);
  EXPECT_EQ(config.memory_bytes, uint64_t{4} << 30);
  EXPECT_EQ(config.checkpoint, std::chrono::minutes(2));
  EXPECT_EQ(config.drain, std::chrono::seconds(5));
  EXPECT_TRUE(config.ops.listen.has_value());
}

TEST(ClientConfig, CheckpointsAreKeptAndAStopIsQuickUnlessSaidOtherwise) {
  ASSERT_OK_AND_ASSIGN(const ClientConfig config, Parse(""));
  EXPECT_EQ(config.checkpoint, std::chrono::seconds(30));
  EXPECT_EQ(config.drain, std::chrono::seconds(10));
  EXPECT_EQ(Parse("[limits]\ncheckpoint = \"0s\"\n")->checkpoint, Duration(0));
}

TEST(ClientConfig, AFlagGoesOverAVariableAndThatOverTheFile) {
  config::Layers layers;
  layers.environment["CONSILIUM_CLIENT_SERVER"] = "variable:1";
  layers.environment["CONSILIUM_CLIENT_DATA"] = "/elsewhere";
  layers.flags = {{"client.server", "--server", "flag:2"}};
  ASSERT_OK_AND_ASSIGN(const ClientConfig config, Parse("", layers));
  EXPECT_EQ(config.server, "flag:2");
  EXPECT_EQ(config.data, "/elsewhere");
}

TEST(ClientConfig, WhatIsWrongIsNamed) {
  EXPECT_THAT(Parse("[limits]\nmemory = \"1MiB\"\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(Parse("[limits]\nthreads = 0\n"), HasCode(ErrorCode::kConfigOutOfRange));
  const auto typo = Parse("[polcy]\n").status();
  EXPECT_THAT(typo, HasCode(ErrorCode::kConfigUnknownKey));
  EXPECT_THAT(HelpOf(typo), HasSubstr("policy"));
  const auto missing = ParseClientConfig("[client]\ndata = \"d\"\n", "client.toml", {}).status();
  EXPECT_THAT(missing, HasCode(ErrorCode::kConfigMissingKey));
}

TEST(ClientConfig, AFileThatWasNamedMustBeThere) {
  EXPECT_THAT(ReadClientConfig("/nowhere/client.toml", {}), HasCode(ErrorCode::kFileNotFound));
}

}  // namespace
}  // namespace consilium::client::app
