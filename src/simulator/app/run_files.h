// A run's results as files in its folder, and as JSON. docs/simulator.md lists them.
#ifndef CONSILIUM_SIMULATOR_APP_RUN_FILES_H_
#define CONSILIUM_SIMULATOR_APP_RUN_FILES_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "simulator/app/run.h"

namespace consilium::simulator::app {

// The job as `consilium show --json` gives it, and `simulation`: what was simulated and how long it
// took.
nlohmann::json RunJson(const RunOptions& options, const RunResult& result);

// run.json, rounds.csv, sites.csv, curves.svg, model.safetensors, model.npz; the folder is made,
// files of an earlier run are replaced. kStorageIo.
absl::Status WriteRunFiles(const RunOptions& options, const RunResult& result);

}  // namespace consilium::simulator::app

#endif  // CONSILIUM_SIMULATOR_APP_RUN_FILES_H_
