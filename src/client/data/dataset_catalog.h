// This site's datasets by name, read when a job needs them and kept while they are in use.
//
// A job runs many steps on the same rows, so the last few datasets stay in memory. Before one is
// handed out again its files' sizes and times of change are compared: changed ones are read anew.
// Thread-safe; reading is done without the lock, so two threads may read the same file at once.
#ifndef CONSILIUM_CLIENT_DATA_DATASET_CATALOG_H_
#define CONSILIUM_CLIENT_DATA_DATASET_CATALOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "client/data/dataset_config.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"
#include "common/job/job_spec.h"

namespace consilium::client::data {

class CsvCatalog {
 public:
  static constexpr size_t kMaxKept = 4;

  CsvCatalog(std::vector<DatasetConfig> datasets, SiteId site);

  // In the order of the configuration.
  std::vector<std::string> Names() const;
  // kDatasetUnknown with the nearest name, and the errors of LoadDataset.
  absl::StatusOr<std::shared_ptr<const Dataset>> Load(const job::JobSpec& spec,
                                                      const ReadProgress& progress = nullptr);

 private:
  // What says that a dataset's files are still the same: of each, when it changed (in the ticks of
  // the file system's clock) and its bytes. Empty: not known.
  struct Stamp {
    std::vector<std::pair<int64_t, uint64_t>> files;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Kept {
    Digest wish;  // of the configuration and what the job asks of it
    Stamp stamp;
    std::shared_ptr<const Dataset> dataset;
  };
  static Stamp StampOf(const DatasetConfig& config);
  const DatasetConfig* Find(const std::string& name) const;
  std::shared_ptr<const Dataset> Recall(const Digest& wish, const Stamp& stamp);
  void Keep(Kept kept);

  const std::vector<DatasetConfig> datasets_;
  const SiteId site_;
  const PosixStorage storage_;
  Mutex mutex_;
  std::deque<Kept> kept_ ABSL_GUARDED_BY(mutex_);  // last used first
};

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_DATASET_CATALOG_H_
