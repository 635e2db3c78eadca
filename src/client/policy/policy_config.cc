#include "client/policy/policy_config.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/config/nearest.h"
#include "fmt/format.h"

namespace consilium::client::policy {
namespace {

constexpr int64_t kMostRows = 1'000'000'000;

}  // namespace

std::vector<std::string> WorkloadNames() {
  std::vector<std::string> names;
  for (const wire::Workload workload : {wire::Workload::kMeans, wire::Workload::kVariances,
                                        wire::Workload::kTrain, wire::Workload::kEvaluate}) {
    names.emplace_back(wire::NameOf(workload));
  }
  return names;
}

PolicyOptions ParsePolicy(const config::TomlTable& policy) {
  PolicyOptions options;
  options.datasets = policy.Texts("datasets", kMaxPolicyNames).value_or(options.datasets);
  for (const std::string& dataset : options.datasets) {
    if (IsValidName(dataset)) continue;
    policy.OutOfRange("datasets",
                      fmt::format("holds \"{}\", want 1 to 64 of a-z 0-9 - _ .", dataset));
  }
  options.workloads = policy.Texts("workloads", kMaxPolicyNames).value_or(options.workloads);
  const std::vector<std::string> known = WorkloadNames();
  for (const std::string& workload : options.workloads) {
    if (std::find(known.begin(), known.end(), workload) != known.end()) continue;
    policy.OutOfRange("workloads", fmt::format("holds \"{}\", which is no workload", workload),
                      config::SuggestFrom(workload, known));
  }
  options.researchers = policy.Texts("researchers", kMaxPolicyNames).value_or(options.researchers);
  const auto rows = policy.Integer("min_rows", {1, kMostRows});
  if (rows) options.min_rows = static_cast<uint64_t>(*rows);
  const auto cell = policy.Integer("min_cell", {1, kMostRows});
  if (cell) options.min_cell = static_cast<uint64_t>(*cell);
  return options;
}

}  // namespace consilium::client::policy
