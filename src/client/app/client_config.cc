#include "client/app/client_config.h"

#include <filesystem>

#include "client/policy/policy_config.h"
#include "client/session/state_cache.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "fmt/format.h"

namespace consilium::client::app {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr uint64_t kLeastMemory = uint64_t{512}
                                  << 20;  // less does not hold the transport's threads
constexpr uint64_t kLeastCache = uint64_t{1} << 20;
constexpr uint64_t kMostMemory = uint64_t{1} << 46;

void ReadClient(const config::TomlTable& client, const std::string& folder, ClientConfig& out) {
  if (!client.Has("server")) client.Missing("server", "the server's address, e.g. \"host:8443\"");
  out.server = client.Text("server").value_or("");
  if (!out.server.empty() && !config::ParseHostPort(out.server)) {
    client.OutOfRange("server", fmt::format("is \"{}\", want \"host:port\"", out.server));
  }
  out.site = client.Text("site").value_or("");
  if (!out.site.empty() && !IsValidName(out.site)) {
    client.OutOfRange("site", fmt::format("is \"{}\", want 1 to 64 of a-z 0-9 - _ .", out.site));
  }
  if (!client.Has("data")) {
    client.Missing("data", "the folder for this site's own records, e.g. /var/lib/consilium");
  }
  out.data = config::PathOf(client, "data", folder).value_or("");
}

void ReadLimits(const config::TomlTable& limits, ClientConfig& out) {
  if (const auto threads = limits.Integer("threads", {1, 1024})) {
    out.threads = static_cast<uint32_t>(*threads);
  }
  out.memory_bytes = limits.ByteSize("memory", kLeastMemory, kMostMemory);
  out.cache_bytes =
      limits.ByteSize("cache", kLeastCache, kMostMemory).value_or(session::kMaxCachedBytes);
  out.checkpoint = limits.DurationOf("checkpoint", Duration(0), hours(24)).value_or(seconds(30));
  out.drain = limits.DurationOf("drain", Duration(0), hours(1)).value_or(seconds(10));
}

}  // namespace

absl::StatusOr<ClientConfig> ParseClientConfig(std::string_view text, const std::string& file,
                                               config::Layers layers) {
  CN_ASSIGN_OR_RETURN(
      auto toml, config::TomlFile::Parse(text, file, config::kConfigErrors, std::move(layers)));
  const std::string folder = config::FolderOf(file);
  const config::TomlTable root = toml.root();
  ClientConfig out;
  ReadClient(root.Table("client"), folder, out);
  out.tls = config::ReadTls(root.Table("tls"), folder);
  out.datasets = data::ParseDatasets(root.Table("datasets"), folder);
  out.policy = policy::ParsePolicy(root.Table("policy"));
  ReadLimits(root.Table("limits"), out);
  out.ops = config::ReadOps(root.Table("ops"), "");
  out.log = config::ReadLog(root.Table("log"));
  CN_RETURN_IF_ERROR(toml.Finish());
  return out;
}

absl::StatusOr<ClientConfig> ReadClientConfig(const std::string& file, config::Layers layers) {
  const PosixStorage storage;
  const std::string path = file.empty() ? kDefaultConfig : file;
  Bytes bytes;
  if (!file.empty() || std::filesystem::exists(path)) {
    CN_ASSIGN_OR_RETURN(bytes, ReadWhole(storage, path, config::kMaxTomlBytes));
  }
  return ParseClientConfig(AsText(bytes), path, std::move(layers));
}

}  // namespace consilium::client::app
