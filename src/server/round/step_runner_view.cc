// What a step says of itself to people: its report at the end, its view while it is open.
#include <fmt/format.h>

#include "server/round/rule_commit.h"
#include "server/round/step_runner.h"

namespace consilium::server::round {
namespace {

// Whether rows weigh in a step of this job; where they do not, neither does their cap.
bool WeighsRows(const job::JobSpec& spec, wire::Workload workload) {
  if (workload != wire::Workload::kTrain) return false;
  if (GoesByRule(spec, workload)) return spec.robust.by_rows;
  return !job::RowOf(spec.strategy.kind).vectors.plain_mean;
}

}  // namespace

jobs::StepView StepRunner::Report(Instant now) const {
  const jobs::StepOpened& opened = record_.opened;
  jobs::StepView view;
  view.step = opened.step;
  view.workload = opened.workload;
  view.round = opened.round;
  view.committed = stepped_.has_value() && failure_.empty();
  view.result = view.committed ? "committed" : "failed";
  view.reason = failure_;
  view.base_state = opened.base_state;
  view.elapsed = now - opened_;
  if (stepped_) {
    view.state = stepped_->state;
    view.metrics = stepped_->metrics;
    view.total_weight = stepped_->total_weight;
    view.late = stepped_->late;
    for (const jobs::LateUpdateView& late : view.late) view.update_bytes += late.update_bytes;
  }
  view.sites.reserve(round_.sites().size());
  for (const auto& [site, report] : round_.sites()) {
    jobs::SiteStepView& row = view.sites.emplace_back();
    row.site = site;
    row.result = NameOf(report.result);
    row.reason = report.reason;
    row.phase = report.phase;
    row.update_bytes = report.update_bytes;
    row.weight = report.weight;
    row.update_digest = report.digest;
    row.kernel = report.kernel;
    row.elapsed = report.elapsed;
    view.update_bytes += report.update_bytes;
    if (!stepped_) continue;
    if (const auto remark = stepped_->remarks.find(site); remark != stepped_->remarks.end()) {
      row.reason = remark->second.text;
      if (remark->second.excluded) row.result = jobs::kExcluded;
    } else if (report.result == SiteResult::kCounted && report.weight > spec_->weight_cap &&
               WeighsRows(*spec_, opened.workload)) {
      row.reason = fmt::format("weighs as {} of its {} rows (aggregation.weight_cap)",
                               spec_->weight_cap, report.weight);
    }
    const auto metrics = stepped_->site_metrics.find(site);
    if (metrics != stepped_->site_metrics.end()) row.metrics = metrics->second;
  }
  return view;
}

jobs::StepView StepRunner::View(Instant now) const {
  jobs::StepView view = Report(now);
  view.committed = false;
  view.result = NameOf(round_.phase());
  view.left = round_.TimeLeft(now);
  for (jobs::SiteStepView& row : view.sites) {
    const SiteReport& report = round_.sites().at(row.site);
    row.done = report.done;
    row.total = report.total;
    row.away = report.away;
    if (const auto wait = round_.WaitOf(row.site, now)) {
      row.quiet = wait->quiet;
      row.left = wait->left;
      row.per_second = wait->per_second;
    }
  }
  return view;
}

jobs::Wait StepRunner::WaitNow(Instant now) const {
  if (backoff_.until()) return backoff_.WaitNow(now);
  const bool open = round_.phase() == Phase::kTraining;
  return {open ? "updates" : "commit", round_.WaitingFor(now), round_.WaitedFor(), Duration(0),
          round_.TimeLeft(now)};
}

}  // namespace consilium::server::round
