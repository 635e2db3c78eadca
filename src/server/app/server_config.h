// server.toml, with flags and environment over it. docs/server-toml.md lists the keys.
//
// Plain values; thread-safe when const.
#ifndef CONSILIUM_SERVER_APP_SERVER_CONFIG_H_
#define CONSILIUM_SERVER_APP_SERVER_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/config/daemon_sections.h"
#include "common/config/toml_file.h"

namespace consilium::server::app {

inline constexpr const char* kDefaultConfig = "/etc/consilium/server.toml";

struct ServerConfig {
  // [server]
  config::HostPort listen;
  std::string data;        // folder
  std::string federation;  // empty: the certificate's
  config::TlsSection tls;
  Duration tls_refresh{0};
  config::OpsSection ops;
  // [limits]
  uint64_t upload_bytes = 0;     // of updates under way, all together
  uint64_t transport_bytes = 0;  // gRPC's buffers, all together
  Duration accept_lease{0};
  Duration progress_lease{0};
  Duration drain{0};  // how long a stop may take
  // [storage]
  uint32_t keep_states = 0;  // newest of a job, beside its first and best
  uint64_t keep_sums_bytes = 0;
  uint32_t keep_jobs = 0;       // ended ones
  uint64_t max_disk_bytes = 0;  // UINT64_MAX: no bound
  config::LogSection log;
};

// Reads `text`; `file` names it in errors, and relative paths are taken from its folder. 03xx.
absl::StatusOr<ServerConfig> ParseServerConfig(std::string_view text, const std::string& file,
                                               config::Layers layers);

}  // namespace consilium::server::app

#endif  // CONSILIUM_SERVER_APP_SERVER_CONFIG_H_
