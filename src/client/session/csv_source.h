// The datasets of client.toml as a session sees them. Thread-safe.
#ifndef CONSILIUM_CLIENT_SESSION_CSV_SOURCE_H_
#define CONSILIUM_CLIENT_SESSION_CSV_SOURCE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/data/dataset_catalog.h"
#include "client/session/site_session.h"

namespace consilium::client::session {

class CsvSource final : public DatasetSource {
 public:
  CsvSource(std::vector<data::DatasetConfig> datasets, SiteId site)
      : catalog_(std::move(datasets), std::move(site)) {}
  std::vector<std::string> Names() const override { return catalog_.Names(); }
  absl::StatusOr<std::shared_ptr<const data::Dataset>> Load(
      const job::JobSpec& spec, const data::ReadProgress& progress) override {
    return catalog_.Load(spec, progress);
  }

 private:
  data::CsvCatalog catalog_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_CSV_SOURCE_H_
