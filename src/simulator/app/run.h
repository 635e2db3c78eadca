// One simulated run from options to results: job file, data, division, federation, outcome.
#ifndef CONSILIUM_SIMULATOR_APP_RUN_H_
#define CONSILIUM_SIMULATOR_APP_RUN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/output/console.h"
#include "consilium/v1/control.pb.h"
#include "simulator/app/dataset_file.h"
#include "simulator/federation.h"
#include "simulator/pace.h"
#include "simulator/partition.h"

namespace consilium::simulator::app {

inline constexpr uint32_t kDefaultSites = 10;

struct RunOptions {
  std::string job;  // job.toml
  DataOptions data;
  std::string start = {};  // --start: the file of the model that the job's init names; empty: none
  std::optional<uint32_t> sites;
  Partition partition;
  Pace pace;
  uint64_t seed = 1;
  std::string out;  // folder for the results; empty: none
};

struct SiteSize {
  SiteId site;
  uint64_t train_rows = 0;
  uint64_t test_rows = 0;
};

// What came of it.
struct RunResult {
  v1::JobView job;
  wire::StatePart model;  // empty when nothing was committed
  std::vector<SiteSize> sites;
  Duration simulated{0};
  Duration took{0};  // here
  uint64_t dropped = 0;
};

// Draws the job on a live terminal while it runs. Errors of the files and options (01xx to 04xx),
// and SimulatedFederation::Run's; a job that fails or is cancelled is a result.
absl::StatusOr<RunResult> RunSimulation(const RunOptions& options, const cli::Console& console);

}  // namespace consilium::simulator::app

#endif  // CONSILIUM_SIMULATOR_APP_RUN_H_
