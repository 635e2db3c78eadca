// client.toml, with flags and environment over it. docs/client-toml.md lists the keys.
//
// Plain values; thread-safe when const.
#ifndef CONSILIUM_CLIENT_APP_CLIENT_CONFIG_H_
#define CONSILIUM_CLIENT_APP_CLIENT_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data/dataset_config.h"
#include "client/policy/policy.h"
#include "common/config/daemon_sections.h"
#include "common/config/toml_file.h"

namespace consilium::client::app {

inline constexpr const char* kDefaultConfig = "/etc/consilium/client.toml";

struct ClientConfig {
  // [client]
  std::string server;  // "host:port"
  std::string site;    // empty: the certificate's; else they must agree
  std::string data;    // folder
  config::TlsSection tls;
  std::vector<data::DatasetConfig> datasets;
  policy::PolicyOptions policy;
  // [limits]
  std::optional<uint32_t> threads;       // processors this daemon may use at once
  std::optional<uint64_t> memory_bytes;  // of this daemon
  uint64_t cache_bytes = 0;              // of states on this site's disk
  Duration checkpoint{0};                // between two checkpoints of a training; 0: none
  Duration drain{0};                     // how long a stop waits for the task at hand
  config::OpsSection ops;
  config::LogSection log;
};

// Reads `text`; `file` names it in errors, and relative paths are taken from its folder. 03xx,
// 0407.
absl::StatusOr<ClientConfig> ParseClientConfig(std::string_view text, const std::string& file,
                                               config::Layers layers);
// The same from a file; where `file` is empty, kDefaultConfig if there.
absl::StatusOr<ClientConfig> ReadClientConfig(const std::string& file, config::Layers layers);

}  // namespace consilium::client::app

#endif  // CONSILIUM_CLIENT_APP_CLIENT_CONFIG_H_
