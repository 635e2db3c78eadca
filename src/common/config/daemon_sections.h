// What server.toml and client.toml have in common: [tls], [ops], [log], and paths that are relative
// to the file they stand in.
//
// Errors are kept for TomlFile::Finish(). Plain values; thread-safe when const.
#ifndef CONSILIUM_COMMON_CONFIG_DAEMON_SECTIONS_H_
#define CONSILIUM_COMMON_CONFIG_DAEMON_SECTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/config/toml_table.h"

namespace consilium::config {

struct HostPort {
  std::string host;  // an IPv6 address without its brackets
  uint16_t port = 0;
};
// "127.0.0.1:9090", "[::1]:0", "host:8443". nullopt for anything else.
std::optional<HostPort> ParseHostPort(std::string_view text);
// With brackets again where they are needed.
std::string HostPortText(const HostPort& address);

struct TlsSection {
  std::string cert;
  std::string key;
  std::string ca;
};
struct OpsSection {
  std::optional<HostPort> listen;  // absent: no ops port
};
struct LogSection {
  Level level = Level::kInfo;
  LogFormat format = LogFormat::kAuto;
};

// The path at `key`: one from the file is taken from `folder`, the file's own; one from a flag or
// the environment stays as it is.
std::optional<std::string> PathOf(const TomlTable& table, std::string_view key,
                                  const std::string& folder);
// The folder that a configuration file lies in, absolute.
std::string FolderOf(const std::string& file);

// All three keys are wanted.
TlsSection ReadTls(const TomlTable& tls, const std::string& folder);
// `listen`, "" = no ops port; `preset` where the key is absent.
OpsSection ReadOps(const TomlTable& ops, std::string_view preset);
LogSection ReadLog(const TomlTable& log);

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_DAEMON_SECTIONS_H_
