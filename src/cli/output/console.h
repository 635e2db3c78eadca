// How a program of the command line speaks: data to stdout, talk to stderr, or JSON.
//
// With --json stdout holds exactly one envelope (or one per line for a watch):
// {"consilium": 1, "kind": "...", "data": {...}}, and for an error
// {"consilium": 1, "kind": "error", "error": {...}}.
#ifndef CONSILIUM_CLI_OUTPUT_CONSOLE_H_
#define CONSILIUM_CLI_OUTPUT_CONSOLE_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/output/terminal.h"

namespace consilium::cli {

struct Console {
  Terminal terminal = Terminal::Plain();
  bool json = false;

  void Data(std::string_view text) const;     // stdout
  void Talk(std::string_view text) const;     // stderr; nothing under --json
  void Next(std::string_view command) const;  // "next: consilium watch ID", to stderr
  void Json(std::string_view kind, const nlohmann::json& data) const;  // stdout, one line
  void Error(const absl::Status& status) const;  // stderr, or the error envelope on stdout
};

// {"consilium": 1, "kind": kind, "data": data}, one line.
std::string EnvelopeOf(std::string_view kind, const nlohmann::json& data);

// The whole of a local file of at most `most` bytes; kFileNotFound, kFileUnreadable, kFileTooLarge.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t most);
absl::Status WriteFile(const std::string& path, std::string_view content);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_CONSOLE_H_
