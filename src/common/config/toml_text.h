// A tree of toml_node.h written as TOML again: same keys, same order, same values; comments are
// gone.
#ifndef CONSILIUM_COMMON_CONFIG_TOML_TEXT_H_
#define CONSILIUM_COMMON_CONFIG_TOML_TEXT_H_

#include <string>

#include "common/config/toml_node.h"

namespace consilium::config {

// Numbers keep every bit (shortest text that reads back the same). REQUIRES: `root` came from
// ReadToml or was changed by hand to what a file could say (no kLoose, no kTime).
std::string TomlText(const TomlNode& root);

// The child of this name, made as `kind` at the end where there is none.
TomlNode& ChildOf(TomlNode& table, std::string_view key, TomlNode::Kind kind);
void RemoveChild(TomlNode& table, std::string_view key);

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_TOML_TEXT_H_
