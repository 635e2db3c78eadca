// What a JobHistory says of what is past: ended jobs, committed steps, what became of updates.
#include <algorithm>
#include <span>

#include "server/jobs/job_history.h"

namespace consilium::server::jobs {
namespace {

wire::OutcomeKind KindFor(const StepView& step, const SiteStepView& row, const Digest& held) {
  if (row.result == "refused") return wire::OutcomeKind::kRefused;
  if (row.result == "failed") return wire::OutcomeKind::kFailed;
  if (!step.committed) return wire::OutcomeKind::kRoundFailed;
  const bool counted = row.WasTaken() && row.update_digest == held;
  return counted ? wire::OutcomeKind::kCounted : wire::OutcomeKind::kLateDropped;
}

// What a later step's report says of an update; null: nothing.
const LateUpdateView* FindLate(std::span<const StepView> later, StepNumber step,
                               const SiteId& site) {
  for (const StepView& report : later) {
    for (const LateUpdateView& late : report.late) {
      if (late.step == step && late.site == site) return &late;
    }
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::vector<CommittedStep>> JobHistory::CommittedSteps(const JobId& job) const {
  MutexLock lock(mutex_);
  const Entry* entry = Find(job);
  if (entry == nullptr) return JobNotFound(job);
  std::vector<CommittedStep> committed;
  for (const StepView& step : entry->view.steps) {
    if (!step.committed) continue;
    committed.push_back({step, entry->accumulators.at(step.step)});
  }
  return committed;
}

LateSteps JobHistory::LateOf(const JobId& job) const {
  MutexLock lock(mutex_);
  const Entry* entry = Find(job);
  return entry == nullptr ? LateSteps() : entry->late;
}

std::optional<wire::Outcome> JobHistory::OutcomeOf(const SiteId& site,
                                                   const wire::HeldUpdate& held) const {
  MutexLock lock(mutex_);
  wire::Outcome outcome{held.job, held.step, wire::OutcomeKind::kRoundFailed, ""};
  const Entry* entry = Find(held.job);
  if (entry == nullptr) {
    outcome.reason = "this server does not know the job";
    return outcome;
  }
  if (entry->open && entry->open->opened.step == held.step) return std::nullopt;
  const std::vector<StepView>& steps = entry->view.steps;
  const auto step =
      std::lower_bound(steps.begin(), steps.end(), held.step,
                       [](const StepView& s, StepNumber number) { return s.step < number; });
  if (step == steps.end() || step->step != held.step) {
    outcome.reason = "this server never closed that step";
    return outcome;
  }
  const auto row = std::find_if(step->sites.begin(), step->sites.end(),
                                [&site](const SiteStepView& r) { return r.site == site; });
  if (row == step->sites.end()) {
    outcome.kind =
        step->committed ? wire::OutcomeKind::kLateDropped : wire::OutcomeKind::kRoundFailed;
    outcome.reason = "the step's report does not name this site (any more)";
    return outcome;
  }
  if (const auto late = entry->late.find(held.step);
      late != entry->late.end() && late->second.sites.contains(site)) {
    return std::nullopt;
  }
  outcome.kind = KindFor(*step, *row, held.digest);
  outcome.reason = row->reason.empty() ? step->reason : row->reason;
  if (const LateUpdateView* late = FindLate({step + 1, steps.end()}, held.step, site)) {
    const bool counted = late->counted_weight > 0 && late->update_digest == held.digest;
    if (counted) outcome.kind = wire::OutcomeKind::kLateCarried;
    outcome.reason = late->reason;
  }
  return outcome;
}

std::optional<std::string> JobHistory::ResultOf(const JobId& job) const {
  MutexLock lock(mutex_);
  const Entry* entry = Find(job);
  if (entry == nullptr) return "unknown";
  if (entry->view.ended == 0) return std::nullopt;
  return NameOf(entry->view.status);
}

std::vector<JobId> JobHistory::EndedJobsBeyond(size_t keep) const {
  MutexLock lock(mutex_);
  if (ended_.size() <= keep) return {};
  const auto end = ended_.begin() + static_cast<std::ptrdiff_t>(ended_.size() - keep);
  return {ended_.begin(), end};
}

std::optional<UpdateAccepted> JobHistory::FindAccepted(const wire::TaskKey& key) const {
  MutexLock lock(mutex_);
  const Entry* entry = Find(key.job);
  if (entry == nullptr) return std::nullopt;
  if (const auto step = entry->late.find(key.step); step != entry->late.end()) {
    const auto site = step->second.sites.find(key.site);
    return site == step->second.sites.end() ? std::nullopt : site->second;
  }
  if (!entry->open || entry->open->opened.step != key.step) return std::nullopt;
  const auto found = entry->open->accepted.find(key.site);
  if (found == entry->open->accepted.end()) return std::nullopt;
  return found->second;
}

}  // namespace consilium::server::jobs
