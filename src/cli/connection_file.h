// cli.toml: where the server is and who we are.
//
//   [server]
//   address = "consilium.example.org:8443"
//   [tls]
//   cert = "researcher.pem"     # paths are relative to this file
//   key = "researcher.key"
//   ca = "ca.pem"
#ifndef CONSILIUM_CLI_CONNECTION_FILE_H_
#define CONSILIUM_CLI_CONNECTION_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/rpc/control_client.h"

namespace consilium::cli {

// `config` if given; else $CONSILIUM_CONFIG, ./consilium-lab/cli.toml,
// ~/.config/consilium/cli.toml. What `flags` sets wins. kConfigMissingKey says what is still
// missing and how to give it.
absl::StatusOr<ConnectionOptions> FindConnection(const std::string& config,
                                                 const ConnectionOptions& flags);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_CONNECTION_FILE_H_
