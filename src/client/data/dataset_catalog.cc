#include "client/data/dataset_catalog.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "client/data/array_dataset.h"
#include "client/data/dataset_digest.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/config/nearest.h"
#include "fmt/format.h"

namespace consilium::client::data {

CsvCatalog::CsvCatalog(std::vector<DatasetConfig> datasets, SiteId site)
    : datasets_(std::move(datasets)), site_(std::move(site)) {}

std::vector<std::string> CsvCatalog::Names() const {
  std::vector<std::string> names;
  names.reserve(datasets_.size());
  for (const DatasetConfig& dataset : datasets_) names.push_back(dataset.name);
  return names;
}

const DatasetConfig* CsvCatalog::Find(const std::string& name) const {
  const auto found =
      std::find_if(datasets_.begin(), datasets_.end(),
                   [&](const DatasetConfig& dataset) { return dataset.name == name; });
  return found == datasets_.end() ? nullptr : &*found;
}

CsvCatalog::Stamp CsvCatalog::StampOf(const DatasetConfig& config) {
  Stamp stamp;
  for (const std::string* path : {&config.path, &config.array.labels.path, &config.array.test.path,
                                  &config.array.test_labels.path}) {
    if (path->empty()) continue;
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(*path, error);
    if (error) return {};
    const auto changed = std::filesystem::last_write_time(*path, error);
    if (error) return {};
    stamp.files.emplace_back(changed.time_since_epoch().count(), bytes);
  }
  return stamp;
}

absl::StatusOr<std::shared_ptr<const Dataset>> CsvCatalog::Load(const job::JobSpec& spec,
                                                                const ReadProgress& progress) {
  const DatasetConfig* config = Find(spec.data.dataset);
  if (config == nullptr) {
    return Error(ErrorCode::kDatasetUnknown,
                 fmt::format("this site has no dataset `{}`", spec.data.dataset),
                 config::SuggestFrom(spec.data.dataset, Names()));
  }
  // The stamp is taken before reading: a change while reading is noticed the next time.
  const Stamp stamp = StampOf(*config);
  const Digest wish = DatasetDigest(Digest(), *config, spec.data, site_);
  if (std::shared_ptr<const Dataset> kept = Recall(wish, stamp)) return kept;
  CN_ASSIGN_OR_RETURN(Dataset dataset,
                      LoadDataset(*config, spec, site_, storage_, {.progress = progress}));
  auto shared = std::make_shared<const Dataset>(std::move(dataset));
  Keep({wish, stamp, shared});
  return shared;
}

std::shared_ptr<const Dataset> CsvCatalog::Recall(const Digest& wish, const Stamp& stamp) {
  MutexLock lock(mutex_);
  const auto found =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.wish == wish; });
  if (found == kept_.end()) return nullptr;
  Kept kept = std::move(*found);
  kept_.erase(found);
  if (stamp.files.empty() || kept.stamp != stamp) return nullptr;
  kept_.push_front(kept);
  return kept.dataset;
}

void CsvCatalog::Keep(Kept kept) {
  MutexLock lock(mutex_);
  std::erase_if(kept_, [&](const Kept& other) { return other.wish == kept.wish; });
  kept_.push_front(std::move(kept));
  if (kept_.size() > kMaxKept) kept_.pop_back();
}

}  // namespace consilium::client::data
