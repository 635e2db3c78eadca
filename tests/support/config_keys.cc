#include "tests/support/config_keys.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/base/error.h"
#include "tests/support/temp_folder.h"

namespace consilium::testing {
namespace {

// Each is wrong for some kind of key; a table for all but tables, which want no number.
constexpr const char* kOddValues[] = {"{ a = 1 }", "3",  "-1",  "true",
                                      "\"?!\"",    "[]", "[3]", "[\"\"]"};

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "## [datasets.NAME.columns]" -> "datasets.heart.columns.age."; "" where keys are written whole.
std::string PrefixOf(const std::string& heading) {
  if (!heading.starts_with("## [")) return "";
  std::string section = heading.substr(4, heading.find(']') - 4);
  if (const size_t name = section.find("NAME"); name != std::string::npos) {
    section.replace(name, 4, "heart");
  }
  if (section.ends_with(".columns")) section += ".age";
  return section + ".";
}

size_t CountOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

std::vector<std::string> DocumentedKeys(const std::string& page) {
  std::vector<std::string> keys;
  std::string prefix;
  bool of_keys = false;
  for (const std::string& line :
       LinesOf(ReadTextFile(std::string(CONSILIUM_SOURCE_DIR) + "/docs/" + page))) {
    if (line.starts_with("## ")) prefix = PrefixOf(line);
    if (!line.starts_with("|")) of_keys = false;
    if (line.starts_with("| key |")) of_keys = true;
    if (!of_keys || !line.starts_with("| `")) continue;
    const std::string cell = line.substr(2, line.find(" |", 2) - 2);
    for (size_t open = cell.find('`'); open != std::string::npos;) {
      const size_t close = cell.find('`', open + 1);
      keys.push_back(prefix + cell.substr(open + 1, close - open - 1));
      open = cell.find('`', close + 1);
    }
  }
  return keys;
}

ChangedConfig WithKey(std::string_view base, std::string_view path, std::string_view value) {
  const size_t dot = path.rfind('.');
  const std::string header = fmt::format("[{}]", path.substr(0, dot));
  const std::string key(path.substr(dot + 1));
  ChangedConfig changed;
  int count = 0;
  std::string section;
  const auto add = [&](const std::string& line) {
    changed.text += line + "\n";
    ++count;
  };
  const auto add_key = [&] {
    add(fmt::format("{} = {}", key, value));
    changed.line = count;
  };
  for (const std::string& line : LinesOf(base)) {
    if (line.starts_with("[")) section = line;
    if (section == header && line.starts_with(key + " =")) continue;
    add(line);
    if (line == header) add_key();
  }
  if (changed.line > 0) return changed;
  add(header);
  add_key();
  return changed;
}

void ExpectRefusalsNameTheirKeyOnce(const std::string& page, std::string_view base,
                                    const std::function<absl::Status(std::string_view)>& parse) {
  ASSERT_TRUE(parse(base).ok()) << parse(base);
  const std::vector<std::string> keys = DocumentedKeys(page);
  ASSERT_GE(keys.size(), 10u) << "are the tables of docs/" << page << " gone?";
  for (const std::string& path : keys) {
    size_t refused = 0;
    for (const char* value : kOddValues) {
      SCOPED_TRACE(fmt::format("{} = {}", path, value));
      const ChangedConfig changed = WithKey(base, path, value);
      const absl::Status status = parse(changed.text);
      if (status.ok()) continue;
      ++refused;
      const std::string message(status.message());
      EXPECT_EQ(CountOf(message, path), 1u) << message;
      EXPECT_TRUE(message.starts_with("`" + path)) << message;
      const auto place = PlaceOf(status);
      ASSERT_TRUE(place.has_value()) << message;
      EXPECT_EQ(place->line, changed.line) << message;
      EXPECT_GT(place->column, 0) << message;
      EXPECT_FALSE(place->file.empty());
    }
    EXPECT_GT(refused, 0u) << path;
  }
}

}  // namespace consilium::testing
