#include "client/data/dataset_config.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "common/base/ids.h"
#include "fmt/format.h"

namespace consilium::client::data {
namespace {

using config::TomlTable;

constexpr double kMostHoldout = 0.9;
constexpr double kMaxDivisor = 1e12;
constexpr std::string_view kNpzMember = ".npz#";

// Absolute paths replace the folder.
std::string PathIn(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

class DatasetReader {
 public:
  DatasetReader(std::string name, const TomlTable& table, const std::string& folder)
      : table_(table), folder_(folder) {
    dataset_.name = std::move(name);
  }

  DatasetConfig Read() {
    ReadFile();
    ReadHeader();
    ReadFilter();
    ReadSplit();
    ReadArrays();
    ReadColumns();
    return std::move(dataset_);
  }

 private:
  void ReadFile() {
    if (const auto path = table_.Text("path")) {
      if (path->empty() || path->size() > kMaxPathBytes) {
        table_.OutOfRange("path",
                          fmt::format("has {} bytes, want 1 to {}", path->size(), kMaxPathBytes));
      }
      const auto format = table_.Choice("format", {"auto", "csv", "array"});
      dataset_.format = format.value_or(0) == 0   ? FormatOf(*path)
                        : format.value_or(0) == 1 ? Format::kCsv
                                                  : Format::kArray;
      ArrayPlace place{*path, ""};
      if (dataset_.format == Format::kArray) place = ArrayPlaceOf(*path);
      dataset_.path = PathIn(folder_, place.path);
      dataset_.array.member = place.member;
    } else if (!table_.Has("path")) {
      table_.Missing("path", "say where the file lies: path = \"/data/heart.csv\"");
    }
    if (const auto separator = table_.Choice("separator", {"auto", ",", ";", "tab"})) {
      static constexpr std::optional<char> kWays[] = {std::nullopt, ',', ';', '\t'};
      dataset_.separator = kWays[*separator];
    }
    if (auto missing = table_.Texts("missing", kMaxMarkers)) {
      dataset_.missing = *std::move(missing);
    }
  }

  void ReadHeader() {
    if (auto names = table_.Texts("names", kMaxFileColumns)) {
      std::set<std::string_view> seen;
      for (const std::string& name : *names) {
        if (seen.insert(name).second) continue;
        table_.Conflict("names", fmt::format("names \"{}\" twice", name), "each column once");
      }
      if (names->empty()) table_.OutOfRange("names", "is empty, want every column's name");
      dataset_.names = *std::move(names);
      dataset_.header = false;
    }
    const auto header = table_.Flag("header");
    if (!header) return;
    dataset_.header = *header;
    dataset_.header_sure = *header;
    if (!*header && !table_.Has("names")) {
      table_.Conflict("header", "is false and there are no `names`",
                      "name the file's columns in order: names = [\"age\", \"sex\"]");
    }
  }

  void ReadFilter() {
    const auto text = table_.Text("filter");
    if (!text) return;
    auto filter = RowFilter::Parse(*text);
    if (!filter.ok()) {
      table_.Fail(ErrorCode::kDataFilter, "filter", std::string(filter.status().message()),
                  HelpOf(filter.status()));
      return;
    }
    dataset_.filter = *std::move(filter);
  }

  void ReadSplit() {
    SplitConfig& split = dataset_.split;
    split.fold_column = table_.Text("fold_column").value_or("");
    const bool fold = table_.Has("fold_column");
    if (fold) {
      split.train = {"train"};
      split.test = {"test"};
    }
    if (auto train = table_.Texts("train", kMaxMarkers)) split.train = *std::move(train);
    if (auto test = table_.Texts("test", kMaxMarkers)) split.test = *std::move(test);
    if (const auto share = table_.Number("holdout", {0, kMostHoldout})) split.holdout = *share;
    ReadTime();
    for (const char* key : {"train", "test"}) {
      if (fold || !table_.Has(key)) continue;
      table_.Conflict(key, "needs a `fold_column`", "say which column holds these texts");
    }
    if (fold && table_.Has("holdout")) {
      table_.Conflict("holdout", "and `fold_column` exclude each other", "keep one of them");
    }
    for (const std::string& text : split.test) {
      if (std::find(split.train.begin(), split.train.end(), text) == split.train.end()) continue;
      table_.Conflict("test", fmt::format("names \"{}\", which `train` names too", text),
                      "a row trains or tests, not both");
    }
  }

  void ReadTime() {
    SplitConfig& split = dataset_.split;
    split.time_column = table_.Text("time_column").value_or("");
    split.test_from = table_.Text("test_from").value_or("");
    if (table_.Has("time_column") != table_.Has("test_from")) {
      table_.Conflict(table_.Has("test_from") ? "test_from" : "time_column",
                      "wants `time_column` and `test_from` together",
                      "time_column = \"admitted\", test_from = \"2024-01-01\"");
    }
    for (const char* key : {"fold_column", "holdout"}) {
      if (!table_.Has("time_column") || !table_.Has(key)) continue;
      table_.Conflict("time_column", fmt::format("and `{}` exclude each other", key),
                      "keep one of them");
    }
  }

  void ReadArrays() {
    ArrayConfig& array = dataset_.array;
    array.labels = ReadPlace("labels");
    array.test = ReadPlace("test_path");
    array.test_labels = ReadPlace("test_labels");
    array.prefix = table_.Text("column_prefix").value_or("");
    array.divide_by = table_.Number("divide_by", {0, kMaxDivisor, true});
    static constexpr const char* kOfArrays[] = {"labels", "test_path", "test_labels",
                                                "column_prefix", "divide_by"};
    static constexpr const char* kOfText[] = {"separator", "header", "fold_column", "time_column",
                                              "test_from"};
    const bool is_array = dataset_.format == Format::kArray;
    for (const char* key : kOfArrays) {
      if (is_array || !table_.Has(key)) continue;
      table_.Conflict(key, "goes with arrays, and the file is one of text",
                      "arrays are .npy, .npz, .idx and -ubyte files; else say format = \"array\"");
    }
    for (const char* key : kOfText) {
      if (!is_array || !table_.Has(key)) continue;
      table_.Conflict(key, "goes with files of text, and the file is an array",
                      "if it is text, say format = \"csv\"");
    }
    if (table_.Has("test_path") && table_.Has("holdout")) {
      table_.Conflict("holdout", "and `test_path` exclude each other", "keep one of them");
    }
    if (table_.Has("test_labels") != (table_.Has("test_path") && table_.Has("labels"))) {
      table_.Conflict(table_.Has("test_labels") ? "test_labels" : "test_path",
                      "wants `test_path`, `labels` and `test_labels` together",
                      "rows that test need their labels, as those that train do");
    }
  }

  ArrayPlace ReadPlace(const char* key) {
    const auto text = table_.Text(key);
    if (!text) return {};
    if (text->empty() || text->size() > kMaxPathBytes) {
      table_.OutOfRange(key,
                        fmt::format("has {} bytes, want 1 to {}", text->size(), kMaxPathBytes));
    }
    ArrayPlace place = ArrayPlaceOf(*text);
    place.path = PathIn(folder_, place.path);
    return place;
  }

  void ReadColumns() {
    const auto items = table_.Items("columns", kMaxFileColumns);
    if (!items) return;
    for (const config::TomlItem& item : *items) {
      if (item.name.empty()) {
        table_.ConflictAt(item.place, "columns", "is a list, want a table by logical name",
                          "the names of the file's columns go under `names`");
      } else if (item.text) {
        dataset_.columns[item.name].column = *item.text;
      } else {
        dataset_.columns.emplace(item.name, ReadColumn(item.name, *item.table));
      }
    }
  }

  static ColumnConfig ReadColumn(const std::string& name, const TomlTable& table) {
    ColumnConfig column;
    column.column = table.Text("column").value_or(name);
    if (auto positive = table.Texts("positive", kMaxMarkers)) {
      if (positive->empty()) table.OutOfRange("positive", "is empty, want at least 1 text");
      column.positive = *std::move(positive);
    }
    const TomlTable values = table.Table("values");
    for (const std::string& cell : values.Keys()) {
      if (const auto level = values.Text(cell)) column.values.emplace(cell, *level);
    }
    return column;
  }

  const TomlTable& table_;
  const std::string& folder_;
  DatasetConfig dataset_;
};

}  // namespace

Format FormatOf(std::string_view path) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  const bool array = path.ends_with(".npy") || path.ends_with(".npz") || path.ends_with(".idx") ||
                     path.ends_with("-ubyte") || path.find(kNpzMember) != std::string_view::npos;
  return array ? Format::kArray : Format::kCsv;
}

ArrayPlace ArrayPlaceOf(std::string_view text) {
  const size_t at = text.rfind(kNpzMember);
  if (at == std::string_view::npos) return {std::string(text), ""};
  const size_t hash = at + kNpzMember.size() - 1;
  return {std::string(text.substr(0, hash)), std::string(text.substr(hash + 1))};
}

void ReplaceFile(DatasetConfig& config, const std::string& path) {
  config.format = FormatOf(path);
  const ArrayPlace place =
      config.format == Format::kArray ? ArrayPlaceOf(path) : ArrayPlace{path, ""};
  config.path = place.path;
  config.array = {.member = place.member,
                  .labels = {},
                  .test = {},
                  .test_labels = {},
                  .prefix = config.array.prefix,
                  .divide_by = config.array.divide_by};
}

std::vector<DatasetConfig> ParseDatasets(const TomlTable& datasets, const std::string& folder) {
  std::vector<DatasetConfig> configs;
  for (const auto& [name, table] : datasets.NamedTables()) {
    if (!IsValidName(name)) {
      datasets.OutOfRange(name, "is no name for a dataset, want 1 to 64 of a-z 0-9 - _ .");
    }
    configs.push_back(DatasetReader(name, table, folder).Read());
  }
  return configs;
}

}  // namespace consilium::client::data
