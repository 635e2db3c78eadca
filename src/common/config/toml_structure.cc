// The half of TomlTable that walks tables and lists, and keeps errors; toml_table.cc reads values.
#include <algorithm>

#include "common/config/toml_reading.h"
#include "common/config/toml_table.h"
#include "fmt/format.h"

namespace consilium::config {
namespace {

using Kind = TomlNode::Kind;

// A loose value as the elements of a list: "a, b" -> a, b; "" -> none.
std::vector<TomlNode> SplitLoose(const TomlNode& node) {
  std::vector<TomlNode> items;
  std::string_view left = Trimmed(node.text);
  while (!left.empty()) {
    const size_t comma = std::min(left.find(','), left.size());
    TomlNode item;
    item.kind = Kind::kLoose;
    item.place = node.place;
    item.text = std::string(Trimmed(left.substr(0, comma)));
    items.push_back(std::move(item));
    left.remove_prefix(std::min(comma + 1, left.size()));
  }
  return items;
}

}  // namespace

TomlTable TomlTable::Of(const TomlNode& node, std::string path) const {
  reading_->asked.try_emplace(path);
  const Place& place = node.key_place.line > 0 ? node.key_place : node.place;
  return {reading_, &node, std::move(path), place};
}

TomlTable TomlTable::Table(std::string_view key) const {
  const TomlNode* found = Ask(key);
  if (found != nullptr && found->kind == Kind::kTable) return Of(*found, PathOf(key));
  if (found != nullptr) WrongType(key, *found, "a table");
  reading_->asked.try_emplace(PathOf(key));
  return {reading_, nullptr, PathOf(key), place_};
}

std::vector<TomlTable> TomlTable::Tables(std::string_view key) const {
  std::vector<TomlTable> tables;
  const TomlNode* found = Ask(key);
  if (found == nullptr) return tables;
  const bool all_tables =
      found->kind == Kind::kList &&
      std::all_of(found->children.begin(), found->children.end(),
                  [](const TomlNode& child) { return child.kind == Kind::kTable; });
  if (!all_tables) {
    WrongType(key, *found, fmt::format("tables, each under [[{}]]", PathOf(key)));
    return tables;
  }
  for (size_t i = 0; i < found->children.size(); ++i) {
    tables.push_back(Of(found->children[i], fmt::format("{}[{}]", PathOf(key), i)));
  }
  return tables;
}

std::vector<std::pair<std::string, TomlTable>> TomlTable::NamedTables() const {
  std::vector<std::pair<std::string, TomlTable>> tables;
  if (node_ == nullptr) return tables;
  for (const TomlNode& child : node_->children) {
    TomlTable table = Table(child.key);
    if (table.present()) tables.emplace_back(child.key, std::move(table));
  }
  return tables;
}

std::vector<std::string> TomlTable::Keys() const {
  std::vector<std::string> keys;
  if (node_ == nullptr) return keys;
  for (const TomlNode& child : node_->children) {
    reading_->asked[path_].insert(child.key);
    keys.push_back(child.key);
  }
  return keys;
}

std::optional<std::vector<TomlNode>> TomlTable::ListOf(std::string_view key, size_t most,
                                                       std::string_view want) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  if (found->kind != Kind::kList && found->kind != Kind::kLoose) {
    WrongType(key, *found, want);
    return std::nullopt;
  }
  std::vector<TomlNode> nodes = found->kind == Kind::kLoose ? SplitLoose(*found) : found->children;
  if (nodes.size() > most) {
    OutOfRange(key, fmt::format("has {} elements, want at most {}", nodes.size(), most));
    return std::nullopt;
  }
  return nodes;
}

TomlItem TomlTable::ItemOf(const TomlNode& node, std::string path) const {
  TomlItem item;
  item.name = node.key;
  item.place = node.place;
  if (node.kind == Kind::kTable) {
    item.table = Of(node, std::move(path));
  } else if (node.kind == Kind::kText || node.kind == Kind::kLoose) {
    item.text = node.text;
  }
  return item;
}

std::optional<TomlItem> TomlTable::TextOrTable(std::string_view key) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  TomlItem item = ItemOf(*found, PathOf(key));
  if (item.text || item.table) return item;
  WrongType(key, *found, "text in quotes, or a table");
  return std::nullopt;
}

std::optional<std::vector<TomlItem>> TomlTable::Items(std::string_view key, size_t most) const {
  const TomlNode* found = Ask(key);
  if (found == nullptr) return std::nullopt;
  const bool table = found->kind == Kind::kTable;
  if (!table && found->kind != Kind::kList) {
    WrongType(key, *found, "a list or a table");
    return std::nullopt;
  }
  if (found->children.size() > most) {
    OutOfRange(key, fmt::format("has {} elements, want at most {}", found->children.size(), most));
    return std::nullopt;
  }
  std::vector<TomlItem> items;
  if (table) reading_->asked.try_emplace(PathOf(key));
  for (size_t i = 0; i < found->children.size(); ++i) {
    const TomlNode& child = found->children[i];
    if (table) reading_->asked[PathOf(key)].insert(child.key);
    TomlItem item = ItemOf(child, table ? fmt::format("{}.{}", PathOf(key), child.key)
                                        : fmt::format("{}[{}]", PathOf(key), i));
    if (!item.text && !item.table) {
      WrongType(key, child, "texts and tables only");
      return std::nullopt;
    }
    items.push_back(std::move(item));
  }
  return items;
}

bool TomlTable::IsText(std::string_view key) const {
  const TomlNode* found =
      reading_->Winner(PathOf(key), node_ == nullptr ? nullptr : node_->Find(key));
  return found != nullptr && (found->kind == Kind::kText || found->kind == Kind::kLoose);
}

void TomlTable::KeepAt(ErrorCode code, const Place& place, std::string_view message,
                       std::string_view help) const {
  const bool layer = place.line == 0 && place.file != reading_->file_name;
  reading_->Keep(layer ? TomlReading::Turn::kLayer : TomlReading::Turn::kFile, place,
                 ErrorAt(code, place, message, help));
}

void TomlTable::WrongType(std::string_view key, const TomlNode& found,
                          std::string_view want) const {
  const bool element = found.key != key && found.kind != Kind::kLoose;
  KeepAt(reading_->family.wrong_type, found.place,
         fmt::format("`{}` {} {}, want {}", PathOf(key), element ? "holds" : "is",
                     KindText(found.kind), want),
         "");
}

void TomlTable::Missing(std::string_view key, std::string_view help) const {
  const std::string where = path_.empty() ? "" : fmt::format(" in [{}]", path_);
  reading_->Keep(TomlReading::Turn::kMissing, place_,
                 ErrorAt(reading_->family.missing_key, place_,
                         fmt::format("missing key `{}`{}", key, where), help));
}

void TomlTable::Fail(ErrorCode code, std::string_view key, std::string_view message,
                     std::string_view help) const {
  KeepAt(code, PlaceOf(key), fmt::format("`{}` {}", PathOf(key), message), help);
}

void TomlTable::OutOfRange(std::string_view key, std::string_view message,
                           std::string_view help) const {
  Fail(reading_->family.out_of_range, key, message, help);
}

void TomlTable::Conflict(std::string_view key, std::string_view message,
                         std::string_view help) const {
  Fail(reading_->family.conflict, key, message, help);
}

void TomlTable::ConflictAt(const Place& place, std::string_view key, std::string_view message,
                           std::string_view help) const {
  KeepAt(reading_->family.conflict, place, fmt::format("`{}` {}", PathOf(key), message), help);
}

}  // namespace consilium::config
