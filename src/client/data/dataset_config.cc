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
      // An absolute path replaces the folder.
      dataset_.path = (std::filesystem::path(folder_) / *path).lexically_normal().string();
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
