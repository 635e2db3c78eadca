#include "client/data/dataset_digest.h"

#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/crypto/sha256.h"

namespace consilium::client::data {
namespace {

class Canonical {
 public:
  Canonical& Text(std::string_view text) {
    writer_.PutText(text);
    return *this;
  }
  Canonical& Texts(const std::vector<std::string>& texts) {
    writer_.Put(static_cast<uint32_t>(texts.size()));
    for (const std::string& text : texts) writer_.PutText(text);
    return *this;
  }
  template <typename T>
  Canonical& Number(T value) {
    writer_.Put(value);
    return *this;
  }
  ByteSpan bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  ByteWriter writer_{bytes_};
};

void AddPlace(Canonical& text, const ArrayPlace& place) {
  text.Text(place.path).Text(place.member);
}

// What arrays have besides; a file of text keeps the digest that it always had.
void AddArray(Canonical& text, const DatasetConfig& config) {
  if (config.format != Format::kArray) return;
  const ArrayConfig& array = config.array;
  text.Text("arrays 1").Text(array.member);
  AddPlace(text, array.labels);
  AddPlace(text, array.test);
  AddPlace(text, array.test_labels);
  text.Text(array.prefix).Number(static_cast<uint32_t>(array.divide_by.has_value()));
  text.Number(array.divide_by.value_or(0));
}

void AddColumn(Canonical& text, const DatasetConfig& config, const job::FeatureSpec& column) {
  text.Text(column.name).Number(static_cast<uint32_t>(column.type)).Texts(column.levels);
  if (column.missing != job::Missing::kDrop || !column.other.empty()) {
    text.Text("fill 1").Number(static_cast<uint32_t>(column.missing)).Text(column.other);
  }
  const auto found = config.columns.find(column.name);
  if (found == config.columns.end()) {
    text.Text(column.name).Texts({}).Number(uint32_t{0});
    return;
  }
  const ColumnConfig& site = found->second;
  text.Text(site.column).Texts(site.positive).Number(static_cast<uint32_t>(site.values.size()));
  for (const auto& [cell, name] : site.values) text.Text(cell).Text(name);
}

}  // namespace

Digest DatasetDigest(const Digest& file, const DatasetConfig& config, const job::DataSpec& data,
                     const SiteId& site) {
  Canonical text;
  text.Text("consilium dataset 1").Text(HexOf(file)).Text(site.value()).Text(config.name);
  text.Number(static_cast<uint32_t>(config.header)).Texts(config.names);
  text.Text(config.separator ? std::string(1, *config.separator) : "auto");
  text.Texts(config.missing).Text(config.filter.text());
  text.Text(config.split.fold_column).Texts(config.split.train).Texts(config.split.test);
  text.Number(config.split.holdout);
  for (const job::FeatureSpec& feature : data.features) AddColumn(text, config, feature);
  AddColumn(text, config, {data.label, job::ColumnType::kNumber, data.label_levels});
  text.Number(data.classes);
  if (!config.split.time_column.empty()) {
    text.Text("time 1").Text(config.split.time_column).Text(config.split.test_from);
  }
  if (!data.event.empty()) {
    AddColumn(text, config, {data.event, job::ColumnType::kBinary, {}});
  }
  AddArray(text, config);
  return crypto::Sha256Of(text.bytes());
}

}  // namespace consilium::client::data
