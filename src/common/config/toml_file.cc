#include "common/config/toml_file.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/status_macros.h"
#include "common/config/nearest.h"
#include "common/config/toml_reading.h"
#include "fmt/format.h"

namespace consilium::config {
namespace {

std::string Join(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

// Says where an unknown key belongs: the nearest name of its own table, else another table's.
std::string HelpForUnknown(const TomlReading& reading, const std::string& path,
                           const std::string& key) {
  const auto& keys = reading.asked.at(path);
  const std::vector<std::string> names(keys.begin(), keys.end());
  if (NearestOf(key, names).empty()) {
    for (const auto& [other, other_keys] : reading.asked) {
      if (!other_keys.contains(key)) continue;
      if (other.empty()) return fmt::format("`{}` belongs at the top, before any [table]", key);
      return fmt::format("`{}` belongs in [{}]", key, other);
    }
  }
  return SuggestFrom(key, names);
}

void ReportUnknown(TomlReading& reading, const TomlNode& node, const std::string& path);

void ReportUnknownBelow(TomlReading& reading, const TomlNode& child, const std::string& path) {
  if (child.kind == TomlNode::Kind::kTable) ReportUnknown(reading, child, path);
  if (child.kind != TomlNode::Kind::kList) return;
  for (size_t i = 0; i < child.children.size(); ++i) {
    ReportUnknownBelow(reading, child.children[i], fmt::format("{}[{}]", path, i));
  }
}

// Depth is bounded by kMaxTomlDepth.
void ReportUnknown(TomlReading& reading, const TomlNode& node, const std::string& path) {
  const auto keys = reading.asked.find(path);
  if (keys == reading.asked.end()) return;  // its own key was reported
  for (const TomlNode& child : node.children) {
    if (keys->second.contains(child.key)) {
      ReportUnknownBelow(reading, child, Join(path, child.key));
      continue;
    }
    const std::string where = path.empty() ? "" : fmt::format(" in [{}]", path);
    reading.Keep(TomlReading::Turn::kFile, child.key_place,
                 ErrorAt(reading.family.unknown_key, child.key_place,
                         fmt::format("unknown key `{}`{}", child.key, where),
                         HelpForUnknown(reading, path, child.key)));
  }
}

}  // namespace

const TomlNode* TomlReading::Winner(const std::string& path, const TomlNode* in_file) {
  const auto known = loose.find(path);
  if (known != loose.end()) return &known->second;
  TomlNode node;
  node.kind = TomlNode::Kind::kLoose;
  const auto flag = std::find_if(layers.flags.begin(), layers.flags.end(),
                                 [&](const FlagValue& value) { return value.path == path; });
  if (flag != layers.flags.end()) {
    node.text = flag->text;
    node.place.file = fmt::format("flag {}", flag->flag);
  } else if (const auto variable = layers.environment.find(VariableOf(path));
             variable != layers.environment.end()) {
    node.text = variable->second;
    node.place.file = fmt::format("environment variable {}", variable->first);
  } else {
    return in_file;
  }
  node.key_place = node.place;
  return &loose.emplace(path, std::move(node)).first->second;
}

void TomlReading::Keep(Turn turn, const Place& place, absl::Status status) {
  const auto rank = [](const Found& found) {
    return std::tuple(found.turn, found.line, found.column);
  };
  Found found{turn, place.line, place.column, std::move(status)};
  if (!first || rank(found) < rank(*first)) first = std::move(found);
}

std::map<std::string, std::string> ReadEnvironment(const char* const* variables) {
  std::map<std::string, std::string> environment;
  for (; variables != nullptr && *variables != nullptr; ++variables) {
    const std::string_view variable(*variables);
    const size_t equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return environment;
}

std::string VariableOf(std::string_view path) {
  std::string name = "CONSILIUM_";
  for (const char c : path) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool joint = c == '.' || c == '-';
    name += lower ? static_cast<char>(c - 'a' + 'A') : (joint ? '_' : c);
  }
  return name;
}

absl::StatusOr<TomlFile> TomlFile::Parse(std::string_view text, std::string_view file_name,
                                         const ErrorFamily& family, Layers layers) {
  auto reading = std::make_unique<TomlReading>();
  CN_ASSIGN_OR_RETURN(reading->root, ReadToml(text, file_name, family.syntax));
  reading->file_name = std::string(file_name);
  reading->family = family;
  reading->layers = std::move(layers);
  return TomlFile(std::move(reading));
}

TomlFile::TomlFile(std::unique_ptr<TomlReading> reading) : reading_(std::move(reading)) {}
TomlFile::TomlFile(TomlFile&&) noexcept = default;
TomlFile& TomlFile::operator=(TomlFile&&) noexcept = default;
TomlFile::~TomlFile() = default;

TomlTable TomlFile::root() {
  reading_->asked.try_emplace("");
  return {reading_.get(), &reading_->root, "", Place{reading_->file_name, 0, 0}};
}

absl::Status TomlFile::Finish() {
  ReportUnknown(*reading_, reading_->root, "");
  return reading_->first ? reading_->first->status : absl::OkStatus();
}

std::vector<std::string> TomlFile::AskedPaths() const {
  std::vector<std::string> paths;
  for (const auto& [path, keys] : reading_->asked) {
    for (const std::string& key : keys) paths.push_back(Join(path, key));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace consilium::config
