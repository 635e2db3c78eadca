#include "server/jobs/job_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/error.h"
#include "common/crypto/sha256.h"

namespace consilium::server::jobs {
namespace {

// Where the place of a job-file error points when only the journal has the file.
constexpr std::string_view kFileName = "job.toml";

// Where the setbacks of this kind and site are, or would be.
auto FindSetback(auto& setbacks, Setback what, const SiteId& site) {
  return std::ranges::find_if(
      setbacks, [&](const SetbackView& view) { return view.what == what && view.site == site; });
}

}  // namespace

absl::Status JobNotFound(const JobId& job) {
  return Error(ErrorCode::kJobNotFound, fmt::format("no job {} here", job.value()),
               "List the jobs with `consilium jobs`.");
}

const char* NameOf(Setback setback) {
  switch (setback) {
    case Setback::kServerRestarted:
      return "server_restarted";
    case Setback::kSiteRestarted:
      return "site_restarted";
    case Setback::kSiteReconnected:
      return "site_reconnected";
  }
  return "unknown";
}

const char* NameOf(JobStatus status) {
  switch (status) {
    case JobStatus::kQueued:
      return "queued";
    case JobStatus::kRunning:
      return "running";
    case JobStatus::kWaiting:
      return "waiting";
    case JobStatus::kDone:
      return "done";
    case JobStatus::kFailed:
      return "failed";
    case JobStatus::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

void JobHistory::Apply(const JobRecord& record) {
  if (const auto* submitted = std::get_if<JobSubmitted>(&record)) {
    ParsedJob spec = ParsedJob(nullptr);
    if (auto parsed = job::ParseJob(submitted->file, kFileName); parsed.ok()) {
      spec = std::make_shared<const job::JobSpec>(*std::move(parsed));
    } else {
      spec = parsed.status();
    }
    MutexLock lock(mutex_);
    Add(*submitted, std::move(spec));
    return;
  }
  MutexLock lock(mutex_);
  // The analysis does not see that the lambda runs under the lock.
  std::visit(
      [this](const auto& r) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        if constexpr (!std::is_same_v<std::decay_t<decltype(r)>, JobSubmitted>) ApplyTo(r);
      },
      record);
}

void JobHistory::Add(const JobSubmitted& record, ParsedJob spec) {
  if (jobs_.contains(record.job)) return;
  Entry& entry = jobs_.try_emplace(record.job).first->second;
  JobView& view = entry.view;
  view.job = record.job;
  view.researcher = record.researcher;
  view.submitted = record.utc;
  view.file = record.file;
  view.job_digest = crypto::Sha256Of(record.file);
  if (spec.ok()) {
    view.name = (*spec)->name;
    view.rounds = (*spec)->rounds;
  }
  entry.spec = std::move(spec);
  entry.envelope = record.envelope;
  order_.push_back(record.job);
}

void JobHistory::ApplyTo(const CancelRequested& record) {
  Entry* entry = Find(record.job);
  if (entry != nullptr && entry->cancelled_by.empty()) entry->cancelled_by = record.who;
}

void JobHistory::ApplyTo(const JobEnded& record) {
  Entry* entry = Find(record.job);
  if (entry == nullptr || entry->view.ended != 0) return;
  entry->view.status = record.status;
  entry->view.reason = record.reason;
  entry->view.ended = record.utc;
  entry->open.reset();
  entry->late.clear();
  entry->live = LiveView{record.status, {}, std::nullopt};
  ended_.push_back(record.job);
  ForgetOldJobs();
}

void JobHistory::ApplyTo(const SiteEpoch& record) {
  SiteEpoch& known = epochs_[record.site];
  if (known.epoch <= record.epoch) known = record;
}

void JobHistory::ApplyTo(const Admission& record) {
  Entry* entry = Find(record.job);
  if (entry == nullptr) return;
  std::vector<AdmissionView>& known = entry->view.admissions;
  const auto at = std::lower_bound(
      known.begin(), known.end(), record.answer.site,
      [](const AdmissionView& view, const SiteId& site) { return view.site < site; });
  if (at != known.end() && at->site == record.answer.site) {
    *at = record.answer;
  } else if (known.size() < wire::kMaxCohort) {
    known.insert(at, record.answer);
  }
}

void JobHistory::ApplyTo(const StepOpened& record) {
  Entry* entry = Find(record.job);
  if (entry == nullptr || entry->view.ended != 0 || record.step <= entry->last_step) return;
  entry->last_step = record.step;
  entry->open = OpenStepRecord{record, {}};
  entry->closing.reset();
  if (entry->view.state.IsZero()) entry->view.state = record.base_state;
}

void JobHistory::ApplyTo(const UpdateAccepted& record) {
  Entry* entry = FindOpen(record.key.job, record.key.step);
  if (entry != nullptr) {
    entry->open->accepted.insert_or_assign(record.key.site, record);
    return;
  }
  entry = Find(record.key.job);
  if (entry == nullptr) return;
  const auto step = entry->late.find(record.key.step);
  if (step == entry->late.end()) return;
  const auto site = step->second.sites.find(record.key.site);
  if (site != step->second.sites.end()) site->second = record;
}

void JobHistory::ApplyTo(const StepClosed& record) {
  Entry* entry = FindOpen(record.job, record.report.step);
  if (entry != nullptr) entry->closing = record.report;
}

void JobHistory::ApplyTo(const StepCommitted& record) {
  Entry* entry = FindOpen(record.job, record.step);
  if (entry == nullptr || !entry->closing) return;
  ++entry->commits;
  if (entry->closing->workload == wire::Workload::kTrain) ++entry->view.rounds_committed;
  entry->view.state = record.state;
  entry->accumulators[record.step] = record.accumulator;
  CarryLate(*entry);
  CloseStep(*entry);
}

void JobHistory::ApplyTo(const StepFailed& record) {
  Entry* entry = FindOpen(record.job, record.step);
  if (entry == nullptr || !entry->closing) return;
  ++entry->view.rounds_failed;
  entry->last_failure = record.reason;
  CloseStep(*entry);
}

void JobHistory::ApplyTo(const JobForgotten& record) {
  const Entry* entry = Find(record.job);
  if (entry == nullptr || entry->view.ended == 0) return;
  jobs_.erase(record.job);
  std::erase(order_, record.job);
  std::erase(ended_, record.job);
}

void JobHistory::ApplyTo(const SetbackNoted& record) {
  Entry* entry = Find(record.job);
  if (entry == nullptr) return;
  std::vector<SetbackView>& setbacks = entry->view.setbacks;
  auto known = FindSetback(setbacks, record.setback.what, record.setback.site);
  if (known == setbacks.end()) {
    if (setbacks.size() > 2 * wire::kMaxCohort) return;
    known = setbacks.insert(known, record.setback);
    known->count = 0;
  }
  // A record whose sync was in doubt may be there twice.
  if (known->count > 0 && known->utc == record.setback.utc) return;
  const uint32_t count = known->count + 1;
  *known = record.setback;
  known->count = count;
}

// The step is committed: what it says of late updates is so, and its own stragglers may be carried.
void JobHistory::CarryLate(Entry& entry) {
  const StepView& report = *entry.closing;
  for (const LateUpdateView& late : report.late) {
    const auto step = entry.late.find(late.step);
    if (step == entry.late.end()) continue;
    step->second.sites.erase(late.site);
    if (step->second.sites.empty()) entry.late.erase(step);
  }
  const bool carries =
      entry.spec.ok() && (*entry.spec)->participation.late == job::Late::kNextRound &&
      report.workload == wire::Workload::kTrain && report.round.value() < (*entry.spec)->rounds;
  if (!carries) return;
  LateStep late{report.step, report.round, report.base_state, entry.open->opened.selected, {}};
  for (const SiteStepView& site : report.sites) {
    if (site.result != "late") continue;
    const auto accepted = entry.open->accepted.find(site.site);
    late.sites[site.site] = accepted == entry.open->accepted.end()
                                ? std::nullopt
                                : std::optional<UpdateAccepted>(accepted->second);
  }
  if (!late.sites.empty()) entry.late[report.step] = std::move(late);
}

void JobHistory::CloseStep(Entry& entry) {
  std::vector<StepView>& steps = entry.view.steps;
  entry.site_rows += entry.closing->sites.size();
  steps.push_back(*std::move(entry.closing));
  entry.closing.reset();
  entry.open.reset();
  entry.live.current.reset();
  while (entry.site_rows > kMaxSiteRowsPerJob && entry.first_with_rows + 1 < steps.size()) {
    StepView& oldest = steps[entry.first_with_rows++];
    entry.site_rows -= oldest.sites.size();
    oldest.sites = {};
  }
}

void JobHistory::ForgetOldJobs() {
  while (ended_.size() > kMaxEndedJobs) {
    jobs_.erase(ended_.front());
    std::erase(order_, ended_.front());
    ended_.pop_front();
  }
}

JobHistory::Entry* JobHistory::Find(const JobId& job) {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

const JobHistory::Entry* JobHistory::Find(const JobId& job) const {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

JobHistory::Entry* JobHistory::FindOpen(const JobId& job, StepNumber step) {
  Entry* entry = Find(job);
  const bool open = entry != nullptr && entry->open && entry->open->opened.step == step;
  return open ? entry : nullptr;
}

void JobHistory::SetLive(const JobId& job, LiveView live) {
  MutexLock lock(mutex_);
  Entry* entry = Find(job);
  if (entry != nullptr && entry->view.ended == 0) entry->live = std::move(live);
}

JobView JobHistory::Summary(const Entry& entry) {
  const JobView& known = entry.view;
  JobView view;
  view.job = known.job;
  view.name = known.name;
  view.researcher = known.researcher;
  view.status = known.status;
  view.reason = known.reason;
  view.rounds = known.rounds;
  view.rounds_committed = known.rounds_committed;
  view.rounds_failed = known.rounds_failed;
  view.submitted = known.submitted;
  view.ended = known.ended;
  view.state = known.state;
  view.job_digest = known.job_digest;
  if (known.ended == 0) {
    view.status = entry.live.status;
    view.wait = entry.live.wait;
    if (!entry.cancelled_by.empty()) view.reason = "being cancelled by " + entry.cancelled_by;
  }
  return view;
}

std::vector<JobView> JobHistory::List() const {
  MutexLock lock(mutex_);
  std::vector<JobView> views;
  views.reserve(order_.size());
  for (auto job = order_.rbegin(); job != order_.rend(); ++job) {
    views.push_back(Summary(*Find(*job)));
  }
  return views;
}

absl::StatusOr<JobView> JobHistory::Show(const JobId& job, StepNumber after) const {
  MutexLock lock(mutex_);
  const Entry* entry = Find(job);
  if (entry == nullptr) return JobNotFound(job);
  JobView view = Summary(*entry);
  view.file = entry->view.file;
  view.admissions = entry->view.admissions;
  const std::vector<StepView>& steps = entry->view.steps;
  const auto first = std::partition_point(
      steps.begin(), steps.end(), [after](const StepView& step) { return step.step <= after; });
  view.steps.assign(first, steps.end());
  view.current = entry->live.current;
  view.setbacks = entry->view.setbacks;
  return view;
}

bool JobHistory::Knows(const JobId& job) const {
  MutexLock lock(mutex_);
  return Find(job) != nullptr;
}

bool JobHistory::HasEnded(const JobId& job) const {
  MutexLock lock(mutex_);
  const Entry* entry = Find(job);
  return entry == nullptr || entry->view.ended != 0;
}

absl::StatusOr<Standing> JobHistory::StandingOf(const JobId& job) const {
  MutexLock lock(mutex_);
  const Entry* entry = Find(job);
  if (entry == nullptr) return JobNotFound(job);
  if (!entry->spec.ok()) return entry->spec.status();
  Standing standing;
  standing.spec = *entry->spec;
  standing.researcher = entry->view.researcher;
  standing.envelope = entry->envelope;
  standing.file = entry->view.file;
  standing.commits = entry->commits;
  standing.failed = entry->view.rounds_failed;
  standing.last_failure = entry->last_failure;
  standing.last_step = entry->last_step;
  if (entry->commits > 0) standing.state = entry->view.state;
  standing.open = entry->open;
  standing.admissions = entry->view.admissions;
  standing.late = entry->late;
  standing.cancelled_by = entry->cancelled_by;
  return standing;
}

bool JobHistory::MayNote(const JobId& job, Setback what, const SiteId& site) const {
  MutexLock lock(mutex_);
  const Entry* entry = Find(job);
  if (entry == nullptr) return false;
  const auto known = FindSetback(entry->view.setbacks, what, site);
  return known == entry->view.setbacks.end() || known->count < kMaxSetbacks;
}

std::vector<JobId> JobHistory::OpenJobs() const {
  MutexLock lock(mutex_);
  std::vector<JobId> open;
  for (const JobId& job : order_) {
    if (Find(job)->view.ended == 0) open.push_back(job);
  }
  return open;
}

std::vector<SiteEpoch> JobHistory::Epochs() const {
  MutexLock lock(mutex_);
  std::vector<SiteEpoch> epochs;
  epochs.reserve(epochs_.size());
  for (const auto& [site, epoch] : epochs_) epochs.push_back(epoch);
  return epochs;
}

}  // namespace consilium::server::jobs
