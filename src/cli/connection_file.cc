#include "cli/connection_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "cli/context.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/config/toml_file.h"

namespace consilium::cli {
namespace {

constexpr uint64_t kMaxConnectionFileBytes = 64 * 1024;
constexpr const char* kLabFile = "consilium-lab/cli.toml";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The file to read, or empty when there is none.
std::string FindFile(const std::string& config) {
  if (!config.empty()) return config;
  if (const std::string named = Environment("CONSILIUM_CONFIG"); !named.empty()) return named;
  std::error_code ignored;
  if (std::filesystem::exists(kLabFile, ignored)) return kLabFile;
  const std::string home = Environment("HOME");
  std::string own = home + "/.config/consilium/cli.toml";
  if (!home.empty() && std::filesystem::exists(own, ignored)) return own;
  return "";
}

std::string Beside(const std::string& file, const std::string& path) {
  const std::filesystem::path given(path);
  if (given.is_absolute()) return path;
  return (std::filesystem::path(file).parent_path() / given).string();
}

absl::StatusOr<ConnectionOptions> ReadConnectionFile(const std::string& path) {
  CN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxConnectionFileBytes));
  CN_ASSIGN_OR_RETURN(config::TomlFile file,
                      config::TomlFile::Parse(text, path, config::kConfigErrors));
  ConnectionOptions options;
  options.server = file.root().Table("server").Text("address").value_or("");
  const config::TomlTable tls = file.root().Table("tls");
  const auto path_of = [&](const char* key) {
    const std::optional<std::string> value = tls.Text(key);
    return value.has_value() ? Beside(path, *value) : std::string();
  };
  options.cert = path_of("cert");
  options.key = path_of("key");
  options.ca = path_of("ca");
  CN_RETURN_IF_ERROR(file.Finish());
  return options;
}

}  // namespace

absl::StatusOr<ConnectionOptions> FindConnection(const std::string& config,
                                                 const ConnectionOptions& flags) {
  ConnectionOptions options;
  const std::string file = FindFile(config);
  if (!file.empty()) {
    CN_ASSIGN_OR_RETURN(options, ReadConnectionFile(file));
  }
  options.timeout = flags.timeout;
  std::string missing;
  const auto settle = [&](std::string& value, const std::string& flag, const char* name) {
    if (!flag.empty()) value = flag;
    if (value.empty()) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  settle(options.server, flags.server, "--server");
  settle(options.cert, flags.cert, "--cert");
  settle(options.key, flags.key, "--key");
  settle(options.ca, flags.ca, "--ca");
  if (missing.empty()) return options;
  return Error(ErrorCode::kConfigMissingKey,
               fmt::format("no server to talk to: {} {} missing", missing,
                           file.empty() ? "and a cli.toml are" : "in " + file + " is"),
               "start a federation on this machine with `consilium lab up`, or name a file with "
               "--config or CONSILIUM_CONFIG");
}

}  // namespace consilium::cli
