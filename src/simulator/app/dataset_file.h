// Which data a simulated job reads, and how: --data alone, or a file with the sections of a site's
// client.toml.
//
//   [datasets.heart]          as docs/client-toml.md says; "{data}" in a path is --data, which
//                             may then be a folder
//   [policy]                  every site's; without it a site allows all
// Other sections of a client.toml may be there and say nothing here. Pure but for reading the file.
#ifndef CONSILIUM_SIMULATOR_APP_DATASET_FILE_H_
#define CONSILIUM_SIMULATOR_APP_DATASET_FILE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/data/dataset_config.h"
#include "client/policy/policy.h"

namespace consilium::simulator::app {

struct DataOptions {
  std::string data = {};  // --data; empty: the file's path
  std::string file = {};  // --dataset; empty: none
  // Of an array: --labels, --test-data and --test-labels; empty: the file's.
  std::string labels = {}, test_data = {}, test_labels = {};
  std::optional<double> holdout = {};  // --holdout
};

struct SimulatedData {
  client::data::DatasetConfig dataset;  // of the job's name for it
  client::policy::PolicyOptions policy;
};

// 03xx errors with the place in the file; kUsage when no data is named; kDatasetUnknown with the
// nearest name when the file does not describe `dataset`.
absl::StatusOr<SimulatedData> ReadSimulatedData(const DataOptions& options,
                                                const std::string& dataset);

}  // namespace consilium::simulator::app

#endif  // CONSILIUM_SIMULATOR_APP_DATASET_FILE_H_
