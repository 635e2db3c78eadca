// One data file for all simulated sites: read once, and each site sees its rows of it.
//
// A site's dataset is what it would read from a file of its own that holds its rows in the order of
// this one: the hold-out, where the configuration asks for one, is drawn over the site's own rows
// and keyed by its name. A dataset is put together when a task asks for it and goes when the task
// is done: memory is one copy of the rows, and what is at work.
// Thread-safe.
#ifndef CONSILIUM_SIMULATOR_SHARED_ROWS_H_
#define CONSILIUM_SIMULATOR_SHARED_ROWS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "client/data/dataset_config.h"
#include "client/session/site_session.h"
#include "common/job/job_spec.h"
#include "simulator/partition.h"

namespace consilium::simulator {

class SharedRows {
 public:
  // Reads what the job needs. 04xx errors with the place in the file.
  static absl::StatusOr<std::shared_ptr<const SharedRows>> Load(
      const client::data::DatasetConfig& config, const job::JobSpec& spec,
      const client::data::ReadProgress& progress = nullptr);

  const client::data::Dataset& all() const { return *all_; }
  // Whose rows are whose. kUsage, and kDataMissingColumn with the nearest name, or kDataBadCell
  // where a row has no value (column:NAME).
  absl::StatusOr<std::vector<SiteRowsOf>> Divide(const Partition& partition, uint32_t sites,
                                                 uint64_t seed) const;
  // The dataset of one site, under the job's name for it, from rows that Divide gave.
  static std::unique_ptr<client::session::DatasetSource> SourceOf(
      std::shared_ptr<const SharedRows> shared, SiteRowsOf rows);

 private:
  SharedRows(client::data::DatasetConfig config, const job::JobSpec& spec,
             std::shared_ptr<const client::data::Dataset> all);
  // The cell of `column` in every data row of the file; empty where it is missing.
  absl::StatusOr<std::vector<std::string>> ReadColumn(const std::string& column) const;
  void HoldOut(SiteRowsOf& site) const;

  const client::data::DatasetConfig config_;
  const uint32_t classes_;
  const std::shared_ptr<const client::data::Dataset> all_;
};

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_SHARED_ROWS_H_
