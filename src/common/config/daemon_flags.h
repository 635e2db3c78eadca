// Command-line flags that stand for keys of server.toml and client.toml: those that both daemons
// have, and how any of them is offered to the parser of a command line.
//
// Plain values; thread-safe when const.
#ifndef CONSILIUM_COMMON_CONFIG_DAEMON_FLAGS_H_
#define CONSILIUM_COMMON_CONFIG_DAEMON_FLAGS_H_

#include <string>
#include <vector>

#include "common/config/toml_file.h"
#include "fmt/format.h"

namespace consilium::config {

struct KeyFlag {
  const char* flag;  // "--listen"
  const char* path;  // "server.listen"
  const char* text;  // for --help
};

// A daemon's `own` flags, then those of [tls], [ops] and [log].
std::vector<KeyFlag> WithDaemonFlags(std::vector<KeyFlag> own);

// Each flag that is given adds to `values`, which outlives the parsing. `Verb` is a CLI::App, which
// this room does not know.
template <typename Verb>
void AddKeyFlags(Verb& verb, const std::vector<KeyFlag>& flags, std::vector<FlagValue>& values) {
  for (const KeyFlag& key : flags) {
    verb.template add_option_function<std::string>(
        key.flag,
        [&values, key](const std::string& text) { values.push_back({key.path, key.flag, text}); },
        fmt::format("{} ({})", key.text, key.path));
  }
}

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_DAEMON_FLAGS_H_
