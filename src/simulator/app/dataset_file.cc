#include "simulator/app/dataset_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/output/console.h"
#include "client/policy/policy_config.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/config/nearest.h"
#include "common/config/toml_file.h"

namespace consilium::simulator::app {
namespace {

constexpr uint64_t kMaxDatasetFileBytes = uint64_t{1} << 20;
constexpr double kMostHoldout = 0.9;
constexpr std::string_view kDataPlace = "{data}";

client::policy::PolicyOptions OpenPolicy(const std::string& dataset) {
  return {.datasets = {dataset},
          .workloads = client::policy::WorkloadNames(),
          .researchers = {"*"},
          .min_rows = 1,
          .min_cell = 1};
}

void FillIn(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
}

// Paths in the file start at its folder, --data where the command was started.
std::string AbsoluteOf(const std::string& path) {
  std::error_code none;
  const std::filesystem::path absolute = std::filesystem::absolute(path, none);
  return none ? path : absolute.string();
}

absl::Status SetArrays(const DataOptions& options, client::data::DatasetConfig& dataset) {
  const bool any =
      !options.labels.empty() || !options.test_data.empty() || !options.test_labels.empty();
  if (any && dataset.format != client::data::Format::kArray) {
    return Error(ErrorCode::kUsage,
                 fmt::format("--labels, --test-data and --test-labels go with an array, {} is none",
                             dataset.path),
                 "a CSV file names its label's column in the job, and its test rows by --holdout "
                 "or a fold column");
  }
  client::data::ArrayConfig& array = dataset.array;
  if (!options.labels.empty()) array.labels = client::data::ArrayPlaceOf(options.labels);
  if (!options.test_data.empty()) array.test = client::data::ArrayPlaceOf(options.test_data);
  if (!options.test_labels.empty()) {
    array.test_labels = client::data::ArrayPlaceOf(options.test_labels);
  }
  return absl::OkStatus();
}

absl::StatusOr<SimulatedData> ReadFileOf(const DataOptions& options, const std::string& dataset) {
  CN_ASSIGN_OR_RETURN(std::string text, cli::ReadFile(options.file, kMaxDatasetFileBytes));
  const bool filled_in = !options.data.empty() && text.find(kDataPlace) != std::string::npos;
  if (filled_in) FillIn(text, kDataPlace, AbsoluteOf(options.data));
  CN_ASSIGN_OR_RETURN(config::TomlFile file,
                      config::TomlFile::Parse(text, options.file, config::kConfigErrors));
  const config::TomlTable root = file.root();
  for (const char* other : {"client", "tls", "limits", "ops", "log"}) root.Table(other).Keys();
  std::vector<client::data::DatasetConfig> datasets = client::data::ParseDatasets(
      root.Table("datasets"), std::filesystem::path(options.file).parent_path().string());
  SimulatedData data;
  data.policy =
      root.Has("policy") ? client::policy::ParsePolicy(root.Table("policy")) : OpenPolicy(dataset);
  CN_RETURN_IF_ERROR(file.Finish());
  std::vector<std::string> names;
  for (client::data::DatasetConfig& config : datasets) {
    names.push_back(config.name);
    if (config.name == dataset) data.dataset = std::move(config);
  }
  if (data.dataset.name == dataset) {
    if (!filled_in && !options.data.empty()) {
      client::data::ReplaceFile(data.dataset, options.data);
    }
    return data;
  }
  return Error(
      ErrorCode::kDatasetUnknown,
      fmt::format("{} describes no dataset `{}`, which the job wants", options.file, dataset),
      config::SuggestFrom(dataset, names));
}

}  // namespace

absl::StatusOr<SimulatedData> ReadSimulatedData(const DataOptions& options,
                                                const std::string& dataset) {
  SimulatedData data;
  if (!options.file.empty()) {
    CN_ASSIGN_OR_RETURN(data, ReadFileOf(options, dataset));
  } else if (options.data.empty()) {
    return Error(ErrorCode::kUsage, "no data is named, want the file with the rows of all sites",
                 "add --data rows.csv, or --dataset FILE with a section [datasets." + dataset +
                     "] that has a path");
  } else {
    data.dataset.name = dataset;
    data.policy = OpenPolicy(dataset);
    client::data::ReplaceFile(data.dataset, options.data);
  }
  CN_RETURN_IF_ERROR(SetArrays(options, data.dataset));
  if (!options.holdout) return data;
  if (!(*options.holdout >= 0 && *options.holdout <= kMostHoldout)) {
    return Error(ErrorCode::kUsage,
                 fmt::format("--holdout is {}, want 0 to {}", *options.holdout, kMostHoldout));
  }
  if (!data.dataset.split.fold_column.empty()) {
    return Error(
        ErrorCode::kUsage,
        fmt::format("--holdout and the fold_column of {} exclude each other", options.file),
        "keep one of them");
  }
  data.dataset.split.holdout = *options.holdout;
  return data;
}

}  // namespace consilium::simulator::app
