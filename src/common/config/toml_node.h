// A TOML file as a plain tree, with the place of every key and value, in file order.
//
// toml++ is read into this in one source file (toml_node.cc), so no other includes it, its sorted
// tables lose no order, and values from flags and the environment can stand beside those of the
// file. Plain values; thread-safe when const.
#ifndef CONSILIUM_COMMON_CONFIG_TOML_NODE_H_
#define CONSILIUM_COMMON_CONFIG_TOML_NODE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/error.h"

namespace consilium::config {

inline constexpr size_t kMaxTomlBytes = 256 * 1024;
inline constexpr int kMaxTomlDepth = 16;  // tables and lists within each other

struct TomlNode {
  enum class Kind {
    kText,
    kInteger,
    kNumber,
    kFlag,
    kTime,
    kList,
    kTable,
    kLoose  // text from a flag or the environment: read as whatever is wanted
  };
  Kind kind = Kind::kTable;
  std::string key;  // its name in a table; empty in a list
  Place key_place;
  Place place;
  std::string text;  // kText, kLoose
  int64_t integer = 0;
  double number = 0;
  bool flag = false;
  std::vector<TomlNode> children;  // kList, kTable

  const TomlNode* Find(std::string_view name) const;
};

// "text", "an integer", "a table", ...
std::string_view KindText(TomlNode::Kind kind);

// The root table. `syntax` with line and column when the text is not TOML 1.0, longer than
// kMaxTomlBytes or deeper than kMaxTomlDepth. Never crashes or hangs on any bytes.
absl::StatusOr<TomlNode> ReadToml(std::string_view text, std::string_view file_name,
                                  ErrorCode syntax);

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_TOML_NODE_H_
