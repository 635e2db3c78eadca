#include "server/round/step_commit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/learn/contribution.h"

namespace consilium::server::round {
namespace {

constexpr uint32_t kUsualContributions = 4095;  // what fits the finest quantum

// Every counted site's own metrics, from the statistics behind the model in its update.
absl::StatusOr<std::map<SiteId, aggregation::Metrics>> SiteMetrics(
    const job::JobSpec& spec, const jobs::StepOpened& opened, const std::vector<SiteId>& counted,
    const store::UpdateStore& updates) {
  std::map<SiteId, aggregation::Metrics> metrics;
  const bool evaluates =
      opened.workload == wire::Workload::kTrain || opened.workload == wire::Workload::kEvaluate;
  if (!evaluates) return metrics;
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout,
                      learn::ContributionLayout(spec, opened.workload));
  const size_t first = learn::FirstStatistic(layout);
  tensor::Bundle values(layout);  // the model's part stays zero
  for (const SiteId& site : counted) {
    CN_ASSIGN_OR_RETURN(const Bytes tail, updates.ReadTail(opened.job, opened.step, site, first));
    if (!tail.empty()) {
      const std::span<std::byte> statistics = values.payload().last(tail.size());
      std::memcpy(statistics.data(), tail.data(), tail.size());
    }
    metrics.emplace(site, aggregation::MetricsOf(spec, opened.workload, values));
  }
  return metrics;
}

absl::StatusOr<Digest> KeepSum(const sum::ExactSum& sum, const jobs::StepOpened& opened,
                               const Stores& stores) {
  const Bytes bytes = sum.Serialize();
  const std::string path = SumPath(stores.sums_folder, opened.job, opened.step);
  CN_RETURN_IF_ERROR(stores.storage.CreateFolder(path.substr(0, path.rfind('/'))));
  CN_RETURN_IF_ERROR(WriteDurably(stores.storage, path, bytes));
  return crypto::Sha256Of(bytes);
}

}  // namespace

sum::SumOptions SumOptionsOf(const job::JobSpec& spec, size_t selected) {
  return {spec.weight_cap, std::max(kUsualContributions, static_cast<uint32_t>(std::min<size_t>(
                                                             selected, wire::kMaxCohort)))};
}

std::string SumPath(const std::string& sums_folder, const JobId& job, StepNumber step) {
  return fmt::format("{}/{}/{}.sum", sums_folder, job.value(), step.value());
}

bool IsStorageTrouble(const absl::Status& status) {
  const std::optional<ErrorCode> code = CodeOf(status);
  return code == ErrorCode::kStorageIo || code == ErrorCode::kStorageFull;
}

absl::StatusOr<SteppedState> CommitStep(const job::JobSpec& spec, const jobs::StepOpened& opened,
                                        const std::vector<SiteId>& counted, const wire::State& base,
                                        const Stores& stores) {
  CN_ASSIGN_OR_RETURN(const sum::ExactSum sum,
                      stores.updates.Fold(opened.job, opened.step, counted,
                                          SumOptionsOf(spec, opened.selected.size())));
  const sum::SumReport report = sum.Report();
  CN_ASSIGN_OR_RETURN(wire::State next,
                      aggregation::NextState(spec, opened.workload, base, report));
  SteppedState stepped;
  CN_ASSIGN_OR_RETURN(stepped.state, stores.states.Put(next));
  CN_ASSIGN_OR_RETURN(stepped.accumulator, KeepSum(sum, opened, stores));
  CN_ASSIGN_OR_RETURN(stepped.site_metrics, SiteMetrics(spec, opened, counted, stores.updates));
  stepped.metrics = aggregation::MetricsOf(spec, opened.workload, report.values);
  stepped.total_weight = report.total_weight;
  stepped.next = std::move(next);
  return stepped;
}

}  // namespace consilium::server::round
