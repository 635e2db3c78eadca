#include "server/round/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace consilium::server::round {
namespace {

// Of the state that a step starts from; nullopt for statistics.
std::optional<double> LossOf(const jobs::StepView& step) {
  if (step.metrics.test) return step.metrics.test->loss;
  if (step.metrics.train) return step.metrics.train->loss;
  return std::nullopt;
}

// The number before ".sum"; files of no step come first.
uint64_t StepIn(const std::string& name) {
  uint64_t step = 0;
  std::from_chars(name.data(), name.data() + name.size(), step);
  return step;
}

}  // namespace

std::set<Digest> Retention::Kept::All() const {
  std::set<Digest> all(newest.begin(), newest.end());
  if (!first.IsZero()) all.insert(first);
  if (best_loss) all.insert(best);
  return all;
}

Retention::Retention(RetentionRule rule, Stores stores, jobs::JobHistory& history)
    : rule_(rule), stores_(std::move(stores)), history_(history) {}

template <typename Change>
std::vector<Digest> Retention::Update(const JobId& job, const Change& change) {
  MutexLock lock(mutex_);
  Kept& kept = jobs_[job];
  const std::set<Digest> before = kept.All();
  change(kept);
  const std::set<Digest> after = kept.All();
  for (const Digest& state : after) {
    if (!before.contains(state)) ++keepers_[state];
  }
  std::vector<Digest> leave;
  for (const Digest& state : before) {
    if (after.contains(state) || --keepers_[state] > 0) continue;
    keepers_.erase(state);
    leave.push_back(state);
  }
  if (after.empty()) jobs_.erase(job);
  return leave;
}

void Retention::Learn(const jobs::StepView& step, Kept& kept) const {
  if (kept.first.IsZero()) kept.first = step.base_state;
  if (const auto loss = LossOf(step); loss && (!kept.best_loss || *loss < *kept.best_loss)) {
    kept.best_loss = loss;
    kept.best = step.base_state;
  }
  kept.newest.push_back(step.state);
  while (kept.newest.size() > rule_.keep_states) kept.newest.pop_front();
}

void Retention::OnStarted(const JobId& job, const Digest& state) {
  Update(job, [&](Kept& kept) {
    if (kept.first.IsZero()) kept.first = state;
  });
}

void Retention::OnCommitted(const JobId& job, const jobs::StepView& step) {
  RemoveStates(Update(job, [&](Kept& kept) { Learn(step, kept); }));
  RemoveFiles(AddSum(SumPath(stores_.sums_folder, job, step.step)));
}

// The sums that leave for it.
std::vector<std::string> Retention::AddSum(const std::string& path) {
  const auto file = stores_.storage.OpenRead(path);
  if (!file.ok()) return {};
  MutexLock lock(mutex_);
  sums_.push_back({path, (*file)->size()});
  sum_bytes_ += sums_.back().bytes;
  std::vector<std::string> leave;
  while (sum_bytes_ > rule_.keep_sums_bytes && sums_.size() > 1) {
    sum_bytes_ -= sums_.front().bytes;
    leave.push_back(std::move(sums_.front().path));
    sums_.pop_front();
  }
  return leave;
}

void Retention::RemoveStates(const std::vector<Digest>& states) {
  for (const Digest& state : states) {
    if (const absl::Status removed = stores_.states.Remove(state); !removed.ok()) {
      LogStatus(Level::kWarning, "a state that nobody keeps stays", removed,
                {{"state", HexOf(state)}});
    }
  }
}

void Retention::RemoveFiles(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (const absl::Status removed = stores_.storage.Remove(path); !removed.ok()) {
      LogStatus(Level::kWarning, "a file that nobody keeps stays", removed, {{"path", path}});
    }
    CN_CRASH_POINT("old_file.removed");
  }
}

void Retention::RemoveFolderOf(const std::string& folder) {
  const auto names = stores_.storage.List(folder);
  if (!names.ok()) return;
  std::vector<std::string> paths;
  paths.reserve(names->size());
  for (const std::string& name : *names) paths.push_back(fmt::format("{}/{}", folder, name));
  RemoveFiles(paths);
}

// ---- jobs

void Retention::ForgetJobs(jobs::ServerJournal& journal, UtcMillis now) {
  const std::vector<JobId> old = history_.EndedJobsBeyond(rule_.keep_jobs);
  for (const JobId& job : old) {
    if (const absl::Status written = journal.Write(jobs::JobForgotten{job, now}); !written.ok()) {
      LogStatus(Level::kWarning, "an old job stays", written, {{"job", job.value()}});
      return;
    }
    CN_CRASH_POINT("old_job.forgotten");
    Log(Level::kInfo, "old job is forgotten", {{"job", job.value()}});
    RemoveStates(Update(job, [](Kept& kept) { kept = Kept(); }));
    const std::string sums = stores_.sums_folder + "/" + job.value();
    {
      MutexLock lock(mutex_);
      uint64_t gone = 0;
      std::erase_if(sums_, [&](const Sum& sum) {
        if (!sum.path.starts_with(sums + "/")) return false;
        gone += sum.bytes;
        return true;
      });
      sum_bytes_ -= gone;
    }
    RemoveFolderOf(sums);
    RemoveFolderOf(stores_.updates.FolderOf(job));
  }
  {
    // Looking costs a pass over the journal: not for every job that leaves.
    MutexLock lock(mutex_);
    forgotten_ += old.size();
    if (old.empty() || forgotten_ * 2 < rule_.keep_jobs) return;
    forgotten_ = 0;
  }
  if (const absl::Status compacted = journal.Compact(); !compacted.ok()) {
    LogStatus(Level::kWarning, "journal is not compacted", compacted);
  }
}

// ---- the start

absl::Status Retention::Rebuild(bool pin_strangers) {
  std::vector<jobs::JobView> listed = history_.List();
  std::ranges::reverse(listed);  // oldest first
  std::set<Digest> reached;
  for (const jobs::JobView& listed_job : listed) {
    CN_ASSIGN_OR_RETURN(const jobs::JobView job, history_.Show(listed_job.job, StepNumber(0)));
    Update(job.job, [&](Kept& kept) {
      kept.first = job.state;  // of a job without a committed step: where it stands
      for (const jobs::StepView& step : job.steps) {
        if (!step.committed) continue;
        if (kept.newest.empty()) kept.first = step.base_state;
        Learn(step, kept);
        reached.insert({step.base_state, step.state});
      }
    });
    const std::string folder = stores_.sums_folder + "/" + job.job.value();
    CN_ASSIGN_OR_RETURN(std::vector<std::string> names, stores_.storage.List(folder));
    std::ranges::sort(names, {}, StepIn);
    for (const std::string& name : names) RemoveFiles(AddSum(fmt::format("{}/{}", folder, name)));
  }
  if (pin_strangers) {
    for (const Digest& state : stores_.states.Manifests()) {
      if (!reached.contains(state)) CN_RETURN_IF_ERROR(stores_.states.Pin(state));
    }
  }
  RemoveStrangers();
  return absl::OkStatus();
}

// What no job keeps: a crash came before it was removed, or before it was journalled.
void Retention::RemoveStrangers() {
  std::vector<Digest> leave;
  for (const Digest& state : stores_.states.Manifests()) {
    MutexLock lock(mutex_);
    if (!keepers_.contains(state)) leave.push_back(state);
  }
  RemoveStates(leave);
  for (const std::string& folder : {stores_.sums_folder, stores_.updates.Folder()}) {
    const auto names = stores_.storage.List(folder);
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      if (!history_.Knows(JobId(name))) RemoveFolderOf(fmt::format("{}/{}", folder, name));
    }
  }
}

}  // namespace consilium::server::round
