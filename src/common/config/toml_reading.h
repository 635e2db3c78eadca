// What all tables of one TomlFile share: the tree, what was asked for, and the first error so far.
// Private to this room. Not thread-safe.
#ifndef CONSILIUM_COMMON_CONFIG_TOML_READING_H_
#define CONSILIUM_COMMON_CONFIG_TOML_READING_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/config/toml_file.h"
#include "common/config/toml_node.h"

namespace consilium::config {

// Without the spaces and tabs at both ends.
inline std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

struct TomlReading {
  // Which error a person should see first: what flags and variables say, then the file from top to
  // bottom, then what is not there.
  enum class Turn { kLayer, kFile, kMissing };
  struct Found {
    Turn turn;
    int line;
    int column;
    absl::Status status;
  };

  std::string file_name;
  ErrorFamily family;
  Layers layers;
  TomlNode root;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> asked;  // table -> keys
  std::map<std::string, TomlNode> loose;  // values of flags and the environment, by path
  std::optional<Found> first;

  // The winning value of `path`, whose file value is `in_file` (or nullptr).
  const TomlNode* Winner(const std::string& path, const TomlNode* in_file);
  void Keep(Turn turn, const Place& place, absl::Status status);
};

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_TOML_READING_H_
