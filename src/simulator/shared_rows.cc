#include "simulator/shared_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <utility>

#include "client/data/cell_value.h"
#include "client/data/csv_reader.h"
#include "client/data/dataset_catalog.h"
#include "client/data/holdout.h"
#include "common/base/error.h"
#include "common/base/inflate.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/config/nearest.h"
#include "common/crypto/sha256.h"

namespace consilium::simulator {
namespace {

using client::data::Dataset;
using client::data::Split;

// The rows of a site, copied together.
Split Gather(const Split& all, std::span<const uint32_t> rows) {
  Split split;
  split.columns = all.columns;
  split.x.reserve(rows.size() * all.columns);
  split.y.reserve(rows.size());
  split.places.reserve(rows.size());
  for (const uint32_t row : rows) {
    const auto begin = all.x.begin() + static_cast<std::ptrdiff_t>(uint64_t{row} * all.columns);
    split.x.insert(split.x.end(), begin, begin + all.columns);
    split.y.push_back(all.y[row]);
    split.places.push_back(all.places[row]);
  }
  return split;
}

class SiteSource final : public client::session::DatasetSource {
 public:
  // `test_rows` are indices into `test`.
  SiteSource(std::shared_ptr<const Dataset> all, const Split& test, std::string name,
             SiteRowsOf rows)
      : all_(std::move(all)), test_(test), name_(std::move(name)), rows_(std::move(rows)) {}

  std::vector<std::string> Names() const override { return {name_}; }

  absl::StatusOr<std::shared_ptr<const Dataset>> Load(const job::JobSpec&,
                                                      const client::data::ReadProgress&) override {
    auto dataset = std::make_shared<Dataset>();
    dataset->train = Gather(all_->train, rows_.train);
    dataset->test = Gather(test_, rows_.test);
    dataset->rows_read = dataset->train.rows() + dataset->test.rows();
    const std::array<ByteSpan, 2> parts = {std::as_bytes(std::span(all_->digest.bytes)),
                                           AsBytes(rows_.site.value())};
    dataset->digest = crypto::DeriveKey("consilium simulated rows 1", parts);
    return dataset;
  }

 private:
  const std::shared_ptr<const Dataset> all_;
  const Split& test_;
  const std::string name_;
  const SiteRowsOf rows_;
};

// The values of a column at the places of some rows; none may be missing there.
absl::StatusOr<std::vector<std::string>> At(const std::vector<std::string>& values,
                                            const std::vector<uint64_t>& places) {
  std::vector<std::string> at;
  at.reserve(places.size());
  for (const uint64_t place : places) {
    at.push_back(values[place - 1]);
    if (!at.back().empty()) continue;
    return Error(ErrorCode::kDataBadCell,
                 fmt::format("data row {} has no value in the column that --partition names, want "
                             "one: it says whose row it is",
                             place),
                 "leave such rows out with a filter (--client), or name another column");
  }
  return at;
}

}  // namespace

SharedRows::SharedRows(client::data::DatasetConfig config, const job::JobSpec& spec,
                       std::shared_ptr<const Dataset> all)
    : config_(std::move(config)), classes_(spec.data.classes), all_(std::move(all)) {}

absl::StatusOr<std::shared_ptr<const SharedRows>> SharedRows::Load(
    const client::data::DatasetConfig& config, const job::JobSpec& spec,
    const client::data::ReadProgress& progress) {
  client::data::DatasetConfig whole = config;
  whole.split.holdout = 0;  // each site holds out of its own rows
  client::data::CsvCatalog catalog({whole}, SiteId("simulation"));
  CN_ASSIGN_OR_RETURN(auto all, catalog.Load(spec, progress));
  if (all->train.rows() == 0) {
    return Error(ErrorCode::kDataTooFewRows,
                 fmt::format("{} has no complete training row for the job", config.path),
                 "check the filter, the fold column and the missing markers of the dataset");
  }
  return std::shared_ptr<const SharedRows>(new SharedRows(config, spec, std::move(all)));
}

absl::StatusOr<std::vector<SiteRowsOf>> SharedRows::Divide(const Partition& partition,
                                                           uint32_t sites, uint64_t seed) const {
  std::vector<SiteRowsOf> divided;
  if (partition.scheme == Scheme::kColumn) {
    CN_ASSIGN_OR_RETURN(const std::vector<std::string> values, ReadColumn(partition.column));
    CN_ASSIGN_OR_RETURN(const auto train, At(values, all_->train.places));
    CN_ASSIGN_OR_RETURN(const auto test, At(values, all_->test.places));
    CN_ASSIGN_OR_RETURN(divided, DivideByValue(train, test));
  } else {
    CN_ASSIGN_OR_RETURN(
        divided,
        simulator::Divide(partition, {all_->train.y, all_->test.y, classes_}, sites, seed));
  }
  if (config_.split.holdout > 0) {
    for (SiteRowsOf& site : divided) HoldOut(site);
  }
  return divided;
}

void SharedRows::HoldOut(SiteRowsOf& site) const {
  client::data::Holdout holdout(config_.split.holdout, site.site, config_.name);
  std::vector<uint32_t> train;
  site.test.clear();
  for (const uint32_t row : site.train) (holdout.NextIsTest() ? site.test : train).push_back(row);
  site.train = std::move(train);
}

absl::StatusOr<std::vector<std::string>> SharedRows::ReadColumn(const std::string& column) const {
  const std::string name = std::filesystem::path(config_.path).filename().string();
  if (config_.format != client::data::Format::kCsv) {
    return Error(
        ErrorCode::kUsage,
        fmt::format("--partition column:{} wants a file with named columns, {} is an array", column,
                    name),
        "use iid, shards:K or dirichlet:A");
  }
  const PosixStorage storage;
  CN_ASSIGN_OR_RETURN(std::unique_ptr<FileReader> file, storage.OpenRead(config_.path));
  std::array<std::byte, 2> head{};
  if (file->size() > head.size()) CN_RETURN_IF_ERROR(file->ReadAt(0, head));
  if (IsGzip(head)) {
    CN_ASSIGN_OR_RETURN(const Bytes packed, ReadWhole(storage, config_.path, kMaxWholeFileBytes));
    CN_ASSIGN_OR_RETURN(Bytes text, InflateGzip(packed, name));
    file = std::make_unique<BytesReader>(std::move(text));
  }
  client::data::CsvReader reader(*file, name, config_.separator);
  client::data::CsvRecord record;
  std::vector<std::string> names = config_.names;
  if (names.empty()) {
    CN_RETURN_IF_ERROR(reader.Next(record).status());
    for (size_t i = 0; i < record.size(); ++i) {
      names.emplace_back(client::data::TrimCell(record.cell(i)));
    }
  }
  const auto mapped = config_.columns.find(column);
  const auto found =
      std::ranges::find(names, mapped == config_.columns.end() ? column : mapped->second.column);
  if (found == names.end()) {
    return ErrorAt(ErrorCode::kDataMissingColumn, reader.PlaceOf(1, 0),
                   fmt::format("there is no column `{}`, which --partition names", column),
                   config::SuggestFrom(column, names));
  }
  const auto index = static_cast<size_t>(found - names.begin());
  const client::data::TextIndex missing(config_.missing);
  std::vector<std::string> values;
  while (true) {
    CN_ASSIGN_OR_RETURN(const bool more, reader.Next(record));
    if (!more) return values;
    const std::string_view cell = client::data::TrimCell(record.cell(index));
    values.emplace_back(missing.Find(cell) ? std::string_view() : cell);
  }
}

std::unique_ptr<client::session::DatasetSource> SharedRows::SourceOf(
    std::shared_ptr<const SharedRows> shared, SiteRowsOf rows) {
  const SharedRows& self = *shared;
  const Split& test = self.config_.split.holdout > 0 ? self.all_->train : self.all_->test;
  return std::make_unique<SiteSource>(self.all_, test, self.config_.name, std::move(rows));
}

}  // namespace consilium::simulator
