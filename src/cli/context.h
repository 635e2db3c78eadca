// What every verb gets: how to print, and how to reach the server.
//
// stdout is data, stderr is talk. With --json stdout holds exactly one envelope (or one per line
// for a watch): {"consilium": 1, "kind": "...", "data": {...}}, and for an error
// {"consilium": 1, "kind": "error", "error": {...}}.
#ifndef CONSILIUM_CLI_CONTEXT_H_
#define CONSILIUM_CLI_CONTEXT_H_

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/output/terminal.h"
#include "cli/rpc/control_client.h"

namespace consilium::cli {

struct Context {
  Terminal terminal = Terminal::Plain();
  bool json = false;
  std::string config;            // --config, or found as Connect says
  ConnectionOptions connection;  // flags; fill what the file does not say

  // Reads the configuration (--config, $CONSILIUM_CONFIG, ./consilium-lab/cli.toml,
  // ~/.config/consilium/cli.toml; flags win) and connects.
  absl::StatusOr<std::unique_ptr<ControlClient>> Connect() const;

  void Data(std::string_view text) const;     // stdout
  void Talk(std::string_view text) const;     // stderr; nothing under --json
  void Next(std::string_view command) const;  // "next: consilium watch ID", to stderr
  void Json(std::string_view kind, const nlohmann::json& data) const;  // stdout, one line
  void Error(const absl::Status& status) const;  // stderr, or the error envelope on stdout
};

// The whole of a local file of at most `most` bytes; kFileNotFound, kFileUnreadable, kFileTooLarge.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t most);
absl::Status WriteFile(const std::string& path, std::string_view content);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_CONTEXT_H_
