#include "common/config/daemon_flags.h"

namespace consilium::config {

std::vector<KeyFlag> WithDaemonFlags(std::vector<KeyFlag> own) {
  own.insert(own.end(),
             {{"--cert", "tls.cert", "certificate"},
              {"--key", "tls.key", "its private key"},
              {"--ca", "tls.ca", "the authority's certificate"},
              {"--ops-listen", "ops.listen", "health and metrics, host:port (empty: none)"},
              {"--log-level", "log.level", "debug, info, warning or error"},
              {"--log-format", "log.format", "auto, json or text"}});
  return own;
}

}  // namespace consilium::config
