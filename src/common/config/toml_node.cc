#include "common/config/toml_node.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "fmt/format.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_UNRELEASED_FEATURES 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 32
#include "toml++/toml.h"

namespace consilium::config {
namespace {

using Kind = TomlNode::Kind;

// How deep dotted keys and brackets go, found before toml++ sees the text: it recurses when it
// takes a tree down, and a key of 100,000 dots would end the process.
class DepthScan {
 public:
  explicit DepthScan(std::string_view text) : text_(text) {}

  // The offset where kMaxTomlDepth is passed.
  std::optional<size_t> FirstTooDeep() {
    while (at_ < text_.size()) {
      if (!Step()) return at_;
    }
    return std::nullopt;
  }

 private:
  bool Step() {
    const char c = text_[at_];
    if (c == '"' || c == '\'') {
      SkipText(c);
      return true;
    }
    if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return true;
    }
    if (c == '.') ++dots_;
    if (c == '[' || c == '{') ++open_;
    if ((c == ']' || c == '}') && open_ > 0) --open_;
    if (c == '\n' || c == '=' || c == ',' || c == '{') dots_ = 0;
    if (dots_ >= kMaxTomlDepth || open_ > kMaxTomlDepth) return false;
    ++at_;
    return true;
  }

  // Past a string of either quote, single or triple (which may end in up to two quotes of its own).
  // An unclosed one ends where toml++ stops: at the line's end, or the text's.
  void SkipText(char quote) {
    const std::string triple(3, quote);
    const bool lines = text_.substr(at_, 3) == triple;
    at_ += lines ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\\' && quote == '"') {
        at_ += 2;
      } else if (lines && text_.substr(at_, 3) == triple) {
        at_ += 3;
        for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) ++at_;
        return;
      } else if (!lines && (text_[at_] == quote || text_[at_] == '\n')) {
        ++at_;
        return;
      } else {
        ++at_;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  int dots_ = 0;
  int open_ = 0;
};

Place PlaceAt(std::string_view text, size_t offset, std::string_view file) {
  const std::string_view before = text.substr(0, offset);
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 = 0
  return {std::string(file), static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<int>(offset - line_start) + 1};
}

class Builder {
 public:
  explicit Builder(std::string_view file) : file_(file) {}

  // Depth is bounded by DepthScan and TOML_MAX_NESTED_VALUES.
  TomlNode Build(const toml::node& from) const {
    TomlNode node;
    node.place = PlaceOfRegion(from.source());
    if (const auto* table = from.as_table()) {
      node.kind = Kind::kTable;
      AddEntries(*table, node);
    } else if (const auto* list = from.as_array()) {
      node.kind = Kind::kList;
      for (const toml::node& item : *list) node.children.push_back(Build(item));
    } else {
      BuildValue(from, node);
    }
    return node;
  }

 private:
  void AddEntries(const toml::table& table, TomlNode& node) const {
    for (auto&& [key, value] : table) {
      TomlNode child = Build(value);
      child.key = std::string(key.str());
      child.key_place = PlaceOfRegion(key.source());
      node.children.push_back(std::move(child));
    }
    std::stable_sort(node.children.begin(), node.children.end(),
                     [](const TomlNode& a, const TomlNode& b) {
                       return std::tie(a.key_place.line, a.key_place.column) <
                              std::tie(b.key_place.line, b.key_place.column);
                     });
  }

  static void BuildValue(const toml::node& from, TomlNode& node) {
    if (const auto* text = from.as_string()) {
      node.kind = Kind::kText;
      node.text = text->get();
    } else if (const auto* integer = from.as_integer()) {
      node.kind = Kind::kInteger;
      node.integer = integer->get();
    } else if (const auto* number = from.as_floating_point()) {
      node.kind = Kind::kNumber;
      node.number = number->get();
    } else if (const auto* flag = from.as_boolean()) {
      node.kind = Kind::kFlag;
      node.flag = flag->get();
    } else {
      node.kind = Kind::kTime;
    }
  }

  Place PlaceOfRegion(const toml::source_region& region) const {
    return {file_, static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
  }

  std::string file_;
};

}  // namespace

const TomlNode* TomlNode::Find(std::string_view name) const {
  const auto found = std::find_if(children.begin(), children.end(),
                                  [&](const TomlNode& child) { return child.key == name; });
  return found == children.end() ? nullptr : &*found;
}

std::string_view KindText(TomlNode::Kind kind) {
  switch (kind) {
    case Kind::kText:
    case Kind::kLoose:
      return "text";
    case Kind::kInteger:
      return "an integer";
    case Kind::kNumber:
      return "a number with a point";
    case Kind::kFlag:
      return "true or false";
    case Kind::kTime:
      return "a date or time";
    case Kind::kList:
      return "a list";
    case Kind::kTable:
      return "a table";
  }
  return "text";
}

absl::StatusOr<TomlNode> ReadToml(std::string_view text, std::string_view file_name,
                                  ErrorCode syntax) {
  const Place start{std::string(file_name), 0, 0};
  if (text.size() > kMaxTomlBytes) {
    return ErrorAt(syntax, start,
                   fmt::format("{} bytes long, want at most {}", text.size(), kMaxTomlBytes));
  }
  if (const std::optional<size_t> deep = DepthScan(text).FirstTooDeep()) {
    return ErrorAt(syntax, PlaceAt(text, *deep, file_name),
                   fmt::format("nested too deep, want at most {} levels", kMaxTomlDepth));
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::source_position at = parsed.error().source().begin;
    return ErrorAt(syntax,
                   {std::string(file_name), static_cast<int>(at.line), static_cast<int>(at.column)},
                   parsed.error().description());
  }
  return Builder(file_name).Build(parsed.table());
}

}  // namespace consilium::config
