#include "server/app/server_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/config_keys.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::app {
namespace {

using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;

constexpr std::string_view kSmallest = R"(
[server]
data = "data"
[tls]
cert = "tls/cert.pem"
key = "tls/key.pem"
ca = "/etc/ca.pem"
)";

absl::StatusOr<ServerConfig> Parse(std::string_view text, config::Layers layers = {}) {
  return ParseServerConfig(text, "/srv/consilium/server.toml", std::move(layers));
}

TEST(ServerConfig, TheSmallestFileHasDocumentedDefaults) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig config, Parse(kSmallest));
  EXPECT_EQ(config::HostPortText(config.listen), "0.0.0.0:8443");
  EXPECT_EQ(config.federation, "");
  ASSERT_TRUE(config.ops.listen.has_value());
  EXPECT_EQ(config::HostPortText(*config.ops.listen), "127.0.0.1:9090");  // loopback
  EXPECT_EQ(config.upload_bytes, uint64_t{64} << 20);
  EXPECT_EQ(config.transport_bytes, uint64_t{96} << 20);
  EXPECT_EQ(config.accept_lease, std::chrono::seconds(30));
  EXPECT_EQ(config.progress_lease, std::chrono::seconds(60));
  EXPECT_EQ(config.drain, std::chrono::seconds(10));
  EXPECT_EQ(config.log.level, Level::kInfo);
}

TEST(ServerConfig, WhatIsRefusedNamesItsKeyOnce) {
  testing::ExpectRefusalsNameTheirKeyOnce(
      "server-toml.md", kSmallest, [](std::string_view text) { return Parse(text).status(); });
}

TEST(ServerConfig, RelativePathsAreTakenFromTheFilesFolder) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig config, Parse(kSmallest));
  EXPECT_EQ(config.data, "/srv/consilium/data");
  EXPECT_EQ(config.tls.cert, "/srv/consilium/tls/cert.pem");
  EXPECT_EQ(config.tls.ca, "/etc/ca.pem");
}

TEST(ServerConfig, AFlagGoesOverAVariableAndThatOverTheFile) {
  config::Layers layers;
  layers.environment["CONSILIUM_SERVER_LISTEN"] = "127.0.0.1:1";
  layers.environment["CONSILIUM_SERVER_DATA"] = "elsewhere";
  layers.flags = {{"server.listen", "--listen", "127.0.0.1:2"}};
  ASSERT_OK_AND_ASSIGN(const ServerConfig config, Parse(kSmallest, layers));
  EXPECT_EQ(config.listen.port, 2);
  EXPECT_EQ(config.data, "elsewhere");  // as given: not from the file's folder
}

TEST(ServerConfig, WithoutAFileFlagsAreEnough) {
  config::Layers layers;
  layers.flags = {{"server.data", "--data", "/d"},
                  {"tls.cert", "--cert", "/c"},
                  {"tls.key", "--key", "/k"},
                  {"tls.ca", "--ca", "/a"}};
  EXPECT_THAT(Parse("", layers), IsOk());
}

TEST(ServerConfig, AMissingKeyIsNamed) {
  const auto status = Parse("[tls]\ncert = \"c\"\nkey = \"k\"\nca = \"a\"\n").status();
  EXPECT_THAT(status, HasCode(ErrorCode::kConfigMissingKey));
  EXPECT_THAT(std::string(status.message()), HasSubstr("data"));
}

TEST(ServerConfig, AnUnknownKeyHasItsPlaceAndTheNearestName) {
  const auto status =
      Parse(std::string(kSmallest) + "[server.x]\n[limits]\ndrian = \"1s\"\n").status();
  EXPECT_THAT(status, HasCode(ErrorCode::kConfigUnknownKey));
  const auto typo = Parse(std::string(kSmallest) + "[limits]\ndrian = \"1s\"\n").status();
  EXPECT_THAT(typo, HasCode(ErrorCode::kConfigUnknownKey));
  EXPECT_THAT(HelpOf(typo), HasSubstr("drain"));
  ASSERT_TRUE(PlaceOf(typo).has_value());
  EXPECT_EQ(PlaceOf(typo)->line, 9);
}

TEST(ServerConfig, WhatIsOutOfRangeIsRefused) {
  const auto with = [](std::string_view more) {
    return Parse(std::string(kSmallest) + std::string(more)).status();
  };
  EXPECT_THAT(with("[limits]\nupload_memory = \"1KiB\"\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(with("[limits]\nprogress_lease = \"0s\"\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(with("[ops]\nlisten = \"9090\"\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(with("[storage]\nkeep_states = 0\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(with("[storage]\nkeep_jobs = 5000\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(with("[storage]\nmax_disk = \"1KiB\"\n"), HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_FALSE(with("[log]\nlevel = \"loud\"\n").ok());
}

TEST(ServerConfig, StorageHasBoundsByDefaultAndTakesOthers) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig plain, Parse(kSmallest));
  EXPECT_EQ(plain.keep_states, 3u);
  EXPECT_EQ(plain.keep_sums_bytes, uint64_t{16} << 30);
  EXPECT_EQ(plain.keep_jobs, 1000u);
  EXPECT_EQ(plain.max_disk_bytes, UINT64_MAX);
  ASSERT_OK_AND_ASSIGN(const ServerConfig given,
                       Parse(std::string(kSmallest) +
                             "[storage]\nkeep_states = 7\nkeep_sums = \"1MiB\"\nkeep_jobs = 2\n"
                             "max_disk = \"2GiB\"\n"));
  EXPECT_EQ(given.keep_states, 7u);
  EXPECT_EQ(given.keep_sums_bytes, uint64_t{1} << 20);
  EXPECT_EQ(given.keep_jobs, 2u);
  EXPECT_EQ(given.max_disk_bytes, uint64_t{2} << 30);
}

TEST(ServerConfig, TheOpsPortCanBeOff) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig config,
                       Parse(std::string(kSmallest) + "[ops]\nlisten = \"\"\n"));
  EXPECT_FALSE(config.ops.listen.has_value());
}

}  // namespace
}  // namespace consilium::server::app
