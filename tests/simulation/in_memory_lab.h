// `consilium lab` in memory: the same client.toml text per site, real datasets, the real workloads,
// joined by the in-memory link instead of processes and mTLS. The same job file gives the same bits
// either way.
#ifndef CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LAB_H_
#define CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LAB_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/simulation/in_memory_federation.h"

namespace consilium::simulation {

struct LabSite {
  std::string name;
  std::string client_toml;  // [datasets.*] and [policy]
  client::session::SiteHalf site_half = client::train::RunSiteHalf;
};

// One site per name; {name}, {index} and {data} in `client` are filled in.
std::vector<LabSite> LabSites(const std::vector<std::string>& names, const std::string& client,
                              const std::string& data);

// Runs a job to its end. Errors of the files (02xx, 03xx), kJobFailed with the job's reason.
absl::StatusOr<FinishedJob> RunInMemory(const std::string& job_file,
                                        const std::vector<LabSite>& sites);

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LAB_H_
