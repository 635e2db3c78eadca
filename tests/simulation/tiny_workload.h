// A workload for simulations: what a site contributes follows from site, workload and round alone,
// so anybody can compute the sum again. What a strategy keeps at a site counts its contributions.
#ifndef CONSILIUM_TESTS_SIMULATION_TINY_WORKLOAD_H_
#define CONSILIUM_TESTS_SIMULATION_TINY_WORKLOAD_H_

#include <memory>
#include <string>
#include <vector>

#include "client/session/site_session.h"

namespace consilium::simulation {

absl::StatusOr<client::train::Contribution> TinyHalf(const job::JobSpec& spec,
                                                     const client::train::SiteTask& task);

// The dataset `heart`: 30 rows, 2 columns, all zero.
class TinyData final : public client::session::DatasetSource {
 public:
  std::vector<std::string> Names() const override { return {"heart"}; }
  absl::StatusOr<std::shared_ptr<const client::data::Dataset>> Load(
      const job::JobSpec&, const client::data::ReadProgress&) override;
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_TINY_WORKLOAD_H_
