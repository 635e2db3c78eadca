#include "common/config/toml_text.h"

#include <fmt/format.h>

#include <cmath>

namespace consilium::config {
namespace {

using Kind = TomlNode::Kind;

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string NumberText(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// A value on one line: tables within values are inline.
std::string ValueText(const TomlNode& node) {
  switch (node.kind) {
    case Kind::kInteger:
      return fmt::format("{}", node.integer);
    case Kind::kNumber:
      return NumberText(node.number);
    case Kind::kFlag:
      return node.flag ? "true" : "false";
    case Kind::kList:
    case Kind::kTable: {
      const bool table = node.kind == Kind::kTable;
      std::string out = table ? "{" : "[";
      for (size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) out += ", ";
        if (table) out += Quoted(node.children[i].key) + " = ";
        out += ValueText(node.children[i]);
      }
      return out + (table ? "}" : "]");
    }
    case Kind::kText:
    case Kind::kTime:
    case Kind::kLoose:
      return Quoted(node.text);
  }
  return "";
}

}  // namespace

std::string TomlText(const TomlNode& root) {
  std::string values;
  std::string tables;
  for (const TomlNode& child : root.children) {
    if (child.kind != Kind::kTable) {
      values += fmt::format("{} = {}\n", Quoted(child.key), ValueText(child));
      continue;
    }
    tables += fmt::format("\n[{}]\n", Quoted(child.key));
    for (const TomlNode& value : child.children) {
      tables += fmt::format("{} = {}\n", Quoted(value.key), ValueText(value));
    }
  }
  return values + tables;
}

TomlNode& ChildOf(TomlNode& table, std::string_view key, Kind kind) {
  for (TomlNode& child : table.children) {
    if (child.key == key) {
      if (child.kind != kind) {
        child = TomlNode{};
        child.kind = kind;
        child.key = key;
      }
      return child;
    }
  }
  TomlNode& made = table.children.emplace_back();
  made.kind = kind;
  made.key = key;
  return made;
}

void RemoveChild(TomlNode& table, std::string_view key) {
  std::erase_if(table.children, [&](const TomlNode& child) { return child.key == key; });
}

}  // namespace consilium::config
