#include "common/job/parse_data.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/config/nearest.h"
#include "common/job/job_keys.h"
#include "fmt/format.h"

namespace consilium::job {
namespace {

using config::TomlItem;
using config::TomlTable;

const std::vector<std::string>& TypeNames() {
  static const std::vector<std::string> names = {"number", "binary", "category"};
  return names;
}

// Texts of `path`, each a printable name, none twice.
std::vector<std::string> ReadLevels(const TomlTable& table, std::string_view path) {
  const std::string_view key = Leaf(path);
  const auto levels = table.Texts(key, kMaxLevels);
  if (!levels) return {};
  std::set<std::string_view> seen;
  for (const std::string& level : *levels) {
    if (!IsPrintableName(level, kMaxColumnNameBytes)) {
      table.OutOfRange(key, fmt::format("holds a level of {} bytes, want 1 to {} printable "
                                        "characters without a space at an end",
                                        level.size(), kMaxColumnNameBytes));
    }
    if (!seen.insert(level).second) {
      table.Conflict(key, fmt::format("names \"{}\" twice", level), "each level once");
    }
  }
  if (levels->size() < 2) {
    table.OutOfRange(key, fmt::format("has {} elements, want at least 2", levels->size()));
  }
  return *levels;
}

class DataReader {
 public:
  DataReader(const TomlTable& table, const ModelKind* kind) : table_(table), kind_(kind) {}

  DataSpec Read() {
    if (const auto dataset = table_.Text(Leaf("data.dataset"))) {
      if (!IsValidName(*dataset)) {
        table_.OutOfRange("dataset",
                          fmt::format("is \"{}\", want 1 to 64 of a-z 0-9 - _ .", *dataset));
      }
      data_.dataset = *dataset;
    } else if (!table_.Has("dataset")) {
      table_.Missing("dataset", "name a dataset of the sites: dataset = \"heart\"");
    }
    if (const auto how = table_.Choice(Leaf("data.standardize"), {"federated", "site", "none"})) {
      data_.standardize = static_cast<Standardize>(*how);
    }
    ReadLabel();
    ReadFeatures();
    CheckFilled();
    return std::move(data_);
  }

 private:
  void ReadLabel() {
    const auto item = table_.TextOrTable(Leaf("data.label"));
    if (!table_.Has("label")) {
      table_.Missing("label", "name the column to predict: label = \"disease\"");
    }
    if (!item) return;
    if (item->text) {
      data_.label = *item->text;
    } else {
      data_.label = item->table->Text(Leaf("data.label.name")).value_or("label");
      if (!item->table->Has("name")) item->table->Missing("name");
      data_.label_levels = ReadLevels(*item->table, "data.label.levels");
      data_.event = item->table->Text(Leaf("data.label.event")).value_or("");
    }
    if (!IsPrintableName(data_.label, kMaxColumnNameBytes)) {
      table_.OutOfRange("label", fmt::format("has {} bytes, want 1 to {} printable characters",
                                             data_.label.size(), kMaxColumnNameBytes));
    }
    if (kind_ != nullptr) CheckEvent();
    if (kind_ != nullptr) CheckLevels(item->table && item->table->Has("levels"));
  }

  // cox needs an event, and only cox.
  void CheckEvent() {
    const bool cox = *kind_ == ModelKind::kCox;
    if (cox && data_.event.empty()) {
      table_.Conflict("label", "has no event, which kind = \"cox\" needs",
                      fmt::format("write label = {{ name = \"{}\", event = \"died\" }}: the time, "
                                  "and whether the event happened then",
                                  data_.label));
    }
    if (!cox && !data_.event.empty()) {
      table_.Conflict(
          "label", fmt::format("has an event, which kind = \"{}\" does not take", NameOf(*kind_)),
          "take kind = \"cox\", or remove `event`");
    }
    if (data_.event.empty()) return;
    if (!IsPrintableName(data_.event, kMaxColumnNameBytes) || data_.event == data_.label) {
      table_.Conflict("label", "has an event that is no name, or the label's",
                      "name the column that is 1 where the event happened");
    }
  }

  // logistic, linear and poisson take no levels, softmax needs them, mlp may have them.
  void CheckLevels(bool given) {
    if (*kind_ == ModelKind::kSoftmax && !given) {
      table_.Conflict(
          "label", "has no levels, which kind = \"softmax\" needs",
          fmt::format("write label = {{ name = \"{}\", levels = [\"a\", \"b\"] }}", data_.label));
    }
    if (*kind_ != ModelKind::kSoftmax && *kind_ != ModelKind::kMlp && given) {
      table_.Conflict(
          "label", fmt::format("has levels, which kind = \"{}\" does not take", NameOf(*kind_)),
          *kind_ == ModelKind::kLogistic
              ? "each site says in client.toml which values are positive; for more than two "
                "classes take kind = \"softmax\""
              : "remove `levels`, or take kind = \"softmax\"");
    }
    data_.classes = given ? static_cast<uint32_t>(data_.label_levels.size()) : 2;
    const bool one_number =
        *kind_ == ModelKind::kLinear || *kind_ == ModelKind::kCox || *kind_ == ModelKind::kPoisson;
    if (one_number) data_.classes = 1;
  }

  void ReadFeatures() {
    const auto items = table_.Items(Leaf("data.features"), kMaxFeatures);
    if (!table_.Has("features")) {
      table_.Missing("features", "list the columns to learn from: features = [\"age\", \"sex\"]");
    } else if (items && items->empty()) {
      table_.OutOfRange("features", "is empty, want at least 1 feature");
    }
    if (!items) return;
    std::set<std::string> seen;
    for (const TomlItem& item : *items) {
      std::vector<FeatureSpec> features = ExpandFeature(item);
      if (data_.features.size() + features.size() > kMaxFeatures) {
        table_.OutOfRange("features", fmt::format("are more than {}", kMaxFeatures));
        return;
      }
      for (FeatureSpec& feature : features) AddFeature(item, std::move(feature), seen);
    }
  }

  void AddFeature(const TomlItem& item, FeatureSpec feature, std::set<std::string>& seen) {
    if (!IsPrintableName(feature.name, kMaxColumnNameBytes)) {
      table_.ConflictAt(item.place, "features",
                        fmt::format("holds a name of {} bytes, want 1 to {} printable characters",
                                    feature.name.size(), kMaxColumnNameBytes));
    } else if (!seen.insert(feature.name).second) {
      table_.ConflictAt(item.place, "features", fmt::format("names \"{}\" twice", feature.name),
                        "each feature once");
    } else if (feature.name == data_.label || feature.name == data_.event) {
      table_.ConflictAt(item.place, "features",
                        fmt::format("holds the label, \"{}\"", feature.name),
                        "a model must not see what it predicts: remove it from the features");
    }
    data_.features.push_back(std::move(feature));
  }

  // What cells are filled with comes out of the statistics of the standardisation.
  void CheckFilled() const {
    if (data_.standardize != Standardize::kNone) return;
    for (const FeatureSpec& feature : data_.features) {
      if (feature.missing == Missing::kDrop) continue;
      table_.Conflict(
          "standardize",
          fmt::format("is \"none\", and missing cells of \"{}\" are to be filled", feature.name),
          "take \"federated\" or \"site\", whose means they are filled with");
      return;
    }
  }

  // One, or `count` of them: NAME0, NAME1, ..
  std::vector<FeatureSpec> ExpandFeature(const TomlItem& item) const {
    const FeatureSpec feature = ReadFeature(item);
    if (!item.table) return {feature};
    const auto count =
        item.table->Integer(Leaf("data.features.count"), {1, static_cast<int64_t>(kMaxFeatures)});
    if (!count) return {feature};
    if (feature.type == ColumnType::kCategory) {
      item.table->Conflict("count", "does not go with type = \"category\"",
                           "name each category with its levels");
    }
    std::vector<FeatureSpec> features(static_cast<size_t>(*count), feature);
    for (size_t i = 0; i < features.size(); ++i) features[i].name += fmt::to_string(i);
    return features;
  }

  // A bare text is a name where features are a list, and a type where they are a table.
  FeatureSpec ReadFeature(const TomlItem& item) const {
    FeatureSpec feature;
    feature.name = item.name;
    if (item.text && item.name.empty()) {
      feature.name = *item.text;
    } else if (item.text) {
      feature.type = ReadBareType(item);
    } else {
      ReadFeatureTable(*item.table, feature);
    }
    return feature;
  }

  ColumnType ReadBareType(const TomlItem& item) const {
    const auto& names = TypeNames();
    const auto found = std::find(names.begin(), names.end(), *item.text);
    const auto type = static_cast<ColumnType>(found - names.begin());
    if (found == names.end()) {
      table_.ConflictAt(item.place, "features",
                        fmt::format("gives \"{}\" the type \"{}\", want \"number\", \"binary\" or "
                                    "\"category\"",
                                    item.name, *item.text),
                        config::SuggestFrom(*item.text, names));
      return ColumnType::kNumber;
    }
    if (type == ColumnType::kCategory) {
      table_.ConflictAt(item.place, "features",
                        fmt::format("has the category \"{}\" without levels", item.name),
                        "write { type = \"category\", levels = [\"a\", \"b\"] }");
    }
    return type;
  }

  static void ReadFeatureTable(const TomlTable& table, FeatureSpec& feature) {
    if (feature.name.empty()) {
      feature.name = table.Text(Leaf("data.features.name")).value_or("feature");
      if (!table.Has("name")) table.Missing("name", "write { name = \"age\", type = \"number\" }");
    }
    if (const auto type = table.Choice(Leaf("data.features.type"), TypeNames())) {
      feature.type = static_cast<ColumnType>(*type);
    }
    feature.levels = ReadLevels(table, "data.features.levels");
    const bool category = feature.type == ColumnType::kCategory;
    if (category && !table.Has("levels")) {
      table.Conflict("type", "is \"category\" without levels",
                     "add levels = [\"a\", \"b\"], the first being the base");
    }
    ReadFill(table, feature);
    if (!category && table.Has("levels")) {
      table.Conflict("levels", "only go with type = \"category\"",
                     "add type = \"category\", or remove `levels`");
    }
  }

  static void ReadFill(const TomlTable& table, FeatureSpec& feature) {
    const auto missing =
        table.Choice(Leaf("data.features.missing"), {"drop", "mean", "mode", "indicator"});
    if (missing) feature.missing = static_cast<Missing>(*missing);
    if (feature.missing == Missing::kMode && feature.type == ColumnType::kNumber) {
      table.Conflict("missing", "is \"mode\", which numbers do not have",
                     "take missing = \"mean\", or the type \"binary\" or \"category\"");
    }
    feature.standardized = table.Flag(Leaf("data.features.standardize")).value_or(true);
    if (!feature.standardized && feature.missing != Missing::kDrop) {
      table.Conflict("standardize", "is false, and missing cells are to be filled",
                     "fill only columns that are standardised: their means are known");
    }
    feature.other = table.Text(Leaf("data.features.other")).value_or("");
    if (!table.Has("other")) return;
    const auto& levels = feature.levels;
    if (std::find(levels.begin(), levels.end(), feature.other) == levels.end()) {
      table.Conflict("other", "is none of the levels",
                     "name it among them: levels = [.., \"other\"]");
    }
  }

  const TomlTable& table_;
  const ModelKind* kind_;
  DataSpec data_;
};

}  // namespace

DataSpec ReadData(const TomlTable& table, const ModelKind* kind) {
  return DataReader(table, kind).Read();
}

bool IsPrintableName(std::string_view name, size_t most) {
  if (name.empty() || name.size() > most || name.front() == ' ' || name.back() == ' ') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

}  // namespace consilium::job
