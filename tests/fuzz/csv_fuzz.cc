// Any bytes as a filter, a line, and then a file: rows add up and shapes fit, or an error of the
// data family that names a place in the file.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "client/data/csv_dataset.h"
#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/memory_storage.h"

namespace consilium::client::data {
namespace {

job::JobSpec SmallJob() {
  job::JobSpec job;
  job.data.dataset = "d";
  job.data.label = "y";
  job.data.features = {{"a", job::ColumnType::kNumber, {}},
                       {"b", job::ColumnType::kBinary, {}},
                       {"c", job::ColumnType::kCategory, {"1", "2", "three"}}};
  return job;
}

void CheckSplit(const Split& split, Labels labels) {
  CN_CHECK(split.columns == 4 && split.x.size() == split.rows() * split.columns);
  for (const double value : split.x) CN_CHECK(std::isfinite(value));
  for (const double value : split.y) {
    CN_CHECK(value == 0 || value == 1 || (labels == Labels::kOptional && std::isnan(value)));
  }
  CN_CHECK(split.places.size() == split.rows());
  CN_CHECK(std::is_sorted(split.places.begin(), split.places.end()));
}

void Load(const DatasetConfig& config, const Storage& storage, Labels labels) {
  const auto dataset = LoadCsv(config, SmallJob(), SiteId("north"), storage, {.labels = labels});
  if (!dataset.ok()) {
    const auto code = CodeOf(dataset.status());
    CN_CHECK(code.has_value() && *code >= ErrorCode::kDataSyntax &&
             *code <= ErrorCode::kDataTooLarge);
    CN_CHECK(PlaceOf(dataset.status())->file == "d.csv");
    return;
  }
  CheckSplit(dataset->train, labels);
  CheckSplit(dataset->test, labels);
  CN_CHECK(dataset->incomplete.size() == dataset->rows_incomplete);
  CN_CHECK(dataset->rows_read == dataset->train.rows() + dataset->test.rows() +
                                     dataset->rows_incomplete + dataset->rows_in_no_split);
}

void Run(ByteSpan bytes) {
  const std::string_view text = AsText(bytes);
  const size_t line = std::min(text.find('\n'), text.size());
  DatasetConfig config;
  config.name = "d";
  config.path = "d.csv";
  config.split.holdout = 0.3;
  config.columns["c"] = {"c", {}, {{"3", "three"}}};
  if (auto filter = RowFilter::Parse(text.substr(0, line)); filter.ok()) {
    config.filter = *std::move(filter);
  } else {
    CN_CHECK(CodeOf(filter.status()) == ErrorCode::kDataFilter);
  }
  MemoryStorage storage;
  storage.Plant("d.csv", AsBytes(text.substr(std::min(line + 1, text.size()))));
  Load(config, storage, Labels::kRequired);
  Load(config, storage, Labels::kOptional);
}

}  // namespace
}  // namespace consilium::client::data

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::client::data::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
