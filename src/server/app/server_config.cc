#include "server/app/server_config.h"

#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::server::app {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t kMiB = uint64_t{1024} * 1024;
constexpr uint64_t kMostMemory = uint64_t{1} << 40;

void ReadServer(const config::TomlTable& server, const std::string& folder, ServerConfig& out) {
  const std::string listen = server.Text("listen").value_or("0.0.0.0:8443");
  if (const auto parsed = config::ParseHostPort(listen)) {
    out.listen = *parsed;
  } else {
    server.OutOfRange("listen", fmt::format("is \"{}\", want \"host:port\"", listen),
                      "for instance \"0.0.0.0:8443\"; port 0 takes any free one");
  }
  if (!server.Has("data")) {
    server.Missing("data", "the folder for jobs, states and updates, e.g. /var/lib/consilium");
  }
  out.data = config::PathOf(server, "data", folder).value_or("");
  out.federation = server.Text("federation").value_or("");
  if (!out.federation.empty() && !IsValidName(out.federation)) {
    server.OutOfRange("federation", fmt::format("is \"{}\", want 1 to 64 of "
                                                "a-z 0-9 - _ .",
                                                out.federation));
  }
}

void ReadLimits(const config::TomlTable& limits, ServerConfig& out) {
  out.upload_bytes = limits.ByteSize("upload_memory", kMiB, kMostMemory).value_or(64 * kMiB);
  out.transport_bytes =
      limits.ByteSize("transport_memory", 16 * kMiB, kMostMemory).value_or(96 * kMiB);
  out.accept_lease = limits.DurationOf("accept_lease", seconds(1), hours(1)).value_or(seconds(30));
  out.progress_lease =
      limits.DurationOf("progress_lease", seconds(1), hours(24)).value_or(seconds(60));
  out.drain = limits.DurationOf("drain", Duration(0), minutes(10)).value_or(seconds(10));
}

void ReadStorage(const config::TomlTable& storage, ServerConfig& out) {
  constexpr uint64_t kMostDisk = uint64_t{1} << 60;
  out.keep_states =
      static_cast<uint32_t>(storage.Integer("keep_states", {1, 1'000'000}).value_or(3));
  out.keep_sums_bytes = storage.ByteSize("keep_sums", 1, kMostDisk).value_or(uint64_t{16} << 30);
  out.keep_jobs = static_cast<uint32_t>(storage.Integer("keep_jobs", {1, 4096}).value_or(1000));
  out.max_disk_bytes = storage.ByteSize("max_disk", kMiB, kMostDisk).value_or(UINT64_MAX);
}

}  // namespace

absl::StatusOr<ServerConfig> ParseServerConfig(std::string_view text, const std::string& file,
                                               config::Layers layers) {
  CN_ASSIGN_OR_RETURN(
      auto toml, config::TomlFile::Parse(text, file, config::kConfigErrors, std::move(layers)));
  const std::string folder = config::FolderOf(file);
  const config::TomlTable root = toml.root();
  ServerConfig out;
  ReadServer(root.Table("server"), folder, out);
  const config::TomlTable tls = root.Table("tls");
  out.tls = config::ReadTls(tls, folder);
  out.tls_refresh = tls.DurationOf("refresh", Duration(0), hours(24)).value_or(seconds(30));
  out.ops = config::ReadOps(root.Table("ops"), "127.0.0.1:9090");
  ReadLimits(root.Table("limits"), out);
  ReadStorage(root.Table("storage"), out);
  out.log = config::ReadLog(root.Table("log"));
  CN_RETURN_IF_ERROR(toml.Finish());
  return out;
}

}  // namespace consilium::server::app
