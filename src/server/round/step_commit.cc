#include "server/round/step_commit.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "server/jobs/step_codec.h"
#include "server/round/late_updates.h"
#include "server/round/next_state.h"
#include "server/round/rule_commit.h"
#include "server/store/report_sink.h"

namespace consilium::server::round {
namespace {

constexpr uint32_t kUsualContributions = 4095;  // what fits the finest quantum

bool Evaluates(wire::Workload workload) {
  return workload == wire::Workload::kTrain || workload == wire::Workload::kEvaluate;
}

// Reads sites' own metrics from the statistics behind the model in their updates.
class MetricsReader {
 public:
  // REQUIRES: Evaluates(opened.workload).
  static absl::StatusOr<MetricsReader> Create(const job::JobSpec& spec,
                                              const jobs::StepOpened& opened,
                                              const store::UpdateStore& updates) {
    CN_ASSIGN_OR_RETURN(const tensor::Layout layout,
                        learn::ContributionLayout(spec, opened.workload));
    return MetricsReader(spec, opened, updates, layout);
  }
  absl::StatusOr<aggregation::Metrics> Of(const SiteId& site) {
    if (const auto note = updates_.NoteOf(opened_.job, opened_.step, site)) {
      ByteReader in(*note);
      return jobs::GetMetrics(in);
    }
    CN_ASSIGN_OR_RETURN(const Bytes tail,
                        updates_.ReadTail(opened_.job, opened_.step, site, first_));
    std::ranges::copy(tail, statistics_.payload().begin());
    return aggregation::MetricsOf(spec_, opened_.workload, statistics_);
  }

 private:
  MetricsReader(const job::JobSpec& spec, const jobs::StepOpened& opened,
                const store::UpdateStore& updates, const tensor::Layout& layout)
      : spec_(spec),
        opened_(opened),
        updates_(updates),
        first_(learn::FirstStatistic(layout)),
        statistics_(layout.From(first_)) {}

  const job::JobSpec& spec_;
  const jobs::StepOpened& opened_;
  const store::UpdateStore& updates_;
  size_t first_;
  tensor::Bundle statistics_;
};

absl::StatusOr<std::map<SiteId, aggregation::Metrics>> SiteMetrics(
    const job::JobSpec& spec, const jobs::StepOpened& opened, const std::vector<SiteId>& counted,
    const store::UpdateStore& updates) {
  std::map<SiteId, aggregation::Metrics> metrics;
  if (!Evaluates(opened.workload)) return metrics;
  CN_ASSIGN_OR_RETURN(MetricsReader reader, MetricsReader::Create(spec, opened, updates));
  for (const SiteId& site : counted) {
    CN_ASSIGN_OR_RETURN(metrics[site], reader.Of(site));
  }
  return metrics;
}

// The report of a step on its way: the model's part steps the state, the statistics stay.
class StepReport final : public store::ReportSink {
 public:
  StepReport(const tensor::Layout& contribution, NextState& next)
      : next_(next),
        first_statistic_(learn::FirstStatistic(contribution)),
        statistics_(contribution.From(first_statistic_), first_statistic_) {}

  absl::Status Take(size_t tensor, uint64_t first, std::span<const double> values) override {
    if (tensor < first_statistic_) return next_.Step(tensor, first, values);
    return statistics_.Take(tensor, first, values);
  }
  const tensor::Bundle& statistics() const { return statistics_.values(); }

 private:
  NextState& next_;
  const size_t first_statistic_;
  store::ReportTail statistics_;
};

}  // namespace

sum::SumOptions SumOptionsOf(const job::JobSpec& spec, size_t selected) {
  auto most = static_cast<uint32_t>(std::min<size_t>(selected, wire::kMaxCohort));
  if (spec.participation.late == job::Late::kNextRound) most *= 2;
  return {spec.weight_cap, std::max(kUsualContributions, most)};
}

std::string SumPath(const std::string& sums_folder, const JobId& job, StepNumber step) {
  return fmt::format("{}/{}/{}.sum", sums_folder, job.value(), step.value());
}

bool IsStorageTrouble(const absl::Status& status) {
  const std::optional<ErrorCode> code = CodeOf(status);
  return code == ErrorCode::kStorageIo || code == ErrorCode::kStorageFull;
}

absl::StatusOr<bool> FoldSome(const job::JobSpec& spec, const jobs::StepOpened& opened,
                              const std::set<SiteId>& counted, const Stores& stores) {
  std::vector<SiteId> due = stores.updates.DueForFold(opened.job, opened.step);
  std::erase_if(due, [&counted](const SiteId& site) { return !counted.contains(site); });
  if (due.empty()) return false;
  CN_ASSIGN_OR_RETURN(const auto metrics, SiteMetrics(spec, opened, due, stores.updates));
  std::vector<store::UpdateNote> updates;
  for (const SiteId& site : due) {
    store::UpdateNote& update = updates.emplace_back(store::UpdateNote{site, {}});
    if (!metrics.contains(site)) continue;
    ByteWriter out(update.note);
    jobs::PutMetrics(out, metrics.at(site));
  }
  CN_RETURN_IF_ERROR(stores.updates.Fold(opened.job, opened.step, updates));
  return true;
}

absl::StatusOr<SteppedState> CommitStep(const job::JobSpec& spec, const jobs::StepOpened& opened,
                                        const std::vector<SiteId>& counted,
                                        std::vector<jobs::LateUpdateView> late,
                                        const Stores& stores) {
  const std::string path = SumPath(stores.sums_folder, opened.job, opened.step);
  CN_RETURN_IF_ERROR(stores.storage.CreateFolder(path.substr(0, path.rfind('/'))));
  CN_ASSIGN_OR_RETURN(const tensor::Layout contribution,
                      learn::ContributionLayout(spec, opened.workload));
  CN_ASSIGN_OR_RETURN(NextState next,
                      NextState::Begin(spec, opened.workload, opened.base_state, stores.states));
  StepReport report(contribution, next);
  SteppedState stepped;
  if (GoesByRule(spec, opened.workload)) {
    CN_ASSIGN_OR_RETURN(robust::Aggregate aggregate,
                        AggregateByRule(spec, opened, counted, path, {stores, report}));
    stepped.accumulator = aggregate.digest;
    stepped.total_weight = aggregate.totals.weight;
    stepped.remarks = std::move(aggregate.remarks);
  } else {
    CN_ASSIGN_OR_RETURN(
        const store::StepSum sum,
        stores.updates.WriteSum(
            opened.job, opened.step,
            {counted, CarriedBy(opened.job, late, learn::FirstStatistic(contribution), {})}, path,
            &report));
    stepped.accumulator = sum.digest;
    stepped.total_weight = sum.totals.weight;
  }
  stepped.late = std::move(late);
  CN_ASSIGN_OR_RETURN(store::StateStore::Hold held, next.Finish(report.statistics()));
  stepped.state = held.digest();
  stepped.held = std::make_shared<const store::StateStore::Hold>(std::move(held));
  CN_ASSIGN_OR_RETURN(stepped.site_metrics, SiteMetrics(spec, opened, counted, stores.updates));
  stepped.metrics = aggregation::MetricsOf(spec, opened.workload, report.statistics());
  return stepped;
}

}  // namespace consilium::server::round
