// What every verb gets: how to print (cli/output/console.h), and how to reach the server.
#ifndef CONSILIUM_CLI_CONTEXT_H_
#define CONSILIUM_CLI_CONTEXT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/output/console.h"
#include "cli/rpc/control_client.h"

namespace consilium::cli {

struct Context : Console {
  std::string config;            // --config, or found as Connect says
  ConnectionOptions connection;  // flags; fill what the file does not say

  // Reads the configuration (--config, $CONSILIUM_CONFIG, ./consilium-lab/cli.toml,
  // ~/.config/consilium/cli.toml; flags win) and connects.
  absl::StatusOr<std::unique_ptr<ControlClient>> Connect() const;
};

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_CONTEXT_H_
