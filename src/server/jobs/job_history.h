// The table of jobs that list, show and restarts read: what the journal's records add up to, and
// beside it what is happening right now.
//
// Apply is the only way in for what is durable, at start (replay) and afterwards (each record once
// it is on disk), so both give the same table. Applying a record again, or one for a step that is
// already closed, changes nothing. Live views (the open step, what a job waits for) are set by the
// engines and are not in the journal.
// Memory: the newest steps of a job keep their site rows (kMaxSiteRowsPerJob), the older ones their
// totals; the newest kMaxEndedJobs ended jobs are kept, and fewer where the server forgets jobs.
// Thread-safe.
#ifndef CONSILIUM_SERVER_JOBS_JOB_HISTORY_H_
#define CONSILIUM_SERVER_JOBS_JOB_HISTORY_H_

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/job/job_spec.h"
#include "server/jobs/job_records.h"
#include "server/jobs/job_view.h"

namespace consilium::server::jobs {

inline constexpr size_t kMaxSiteRowsPerJob = 65536;
inline constexpr size_t kMaxEndedJobs = 4096;
// Of one kind and site in a job; further ones are not journalled.
inline constexpr uint32_t kMaxSetbacks = 256;

// What happens right now in a job that has not ended.
struct LiveView {
  JobStatus status = JobStatus::kQueued;
  Wait wait;
  std::optional<StepView> current;
};

// A step that was opened and not closed.
struct OpenStepRecord {
  StepOpened opened;
  std::map<SiteId, UpdateAccepted> accepted;
};

// Sites whose update of a closed training step is still to come, or to be counted
// (late = "next_round").
struct LateStep {
  StepNumber step;
  RoundNumber round;
  Digest base_state;
  std::vector<SiteId> selected;                           // of the step
  std::map<SiteId, std::optional<UpdateAccepted>> sites;  // set: it is here
};
using LateSteps = std::map<StepNumber, LateStep>;

// Where a job stands: what an engine starts from.
struct Standing {
  std::shared_ptr<const job::JobSpec> spec;
  std::string researcher;
  Bytes envelope;
  Bytes file;
  uint32_t commits = 0;
  uint32_t failed = 0;
  std::string last_failure;
  StepNumber last_step;
  Digest state;  // zero before the first commit
  std::optional<OpenStepRecord> open;
  std::vector<AdmissionView> admissions;
  LateSteps late;
  std::string cancelled_by;  // empty: nobody asked for it
};

// A committed step as replay needs it.
struct CommittedStep {
  StepView report;
  Digest accumulator;
};

// kJobNotFound, with what to do.
absl::Status JobNotFound(const JobId& job);

class JobHistory {
 public:
  void Apply(const JobRecord& record);
  void SetLive(const JobId& job, LiveView live);

  std::vector<JobView> List() const;  // newest first; without steps and file
  absl::StatusOr<JobView> Show(const JobId& job, StepNumber after) const;  // kJobNotFound
  bool Knows(const JobId& job) const;
  bool HasEnded(const JobId& job) const;  // or is not known

  // kJobNotFound; the job file's own errors when this version cannot read it.
  absl::StatusOr<Standing> StandingOf(const JobId& job) const;
  std::vector<JobId> OpenJobs() const;  // not ended, in the order they were submitted
  // The ended jobs but the newest `keep`, oldest first.
  std::vector<JobId> EndedJobsBeyond(size_t keep) const;
  std::vector<SiteEpoch> Epochs() const;
  // Of the open step, and late ones.
  std::optional<UpdateAccepted> FindAccepted(const wire::TaskKey& key) const;
  absl::StatusOr<std::vector<CommittedStep>> CommittedSteps(const JobId& job) const;

  LateSteps LateOf(const JobId& job) const;
  // What became of an update that a site still holds; nullopt while its step is open, or it may
  // still count in a later round.
  std::optional<wire::Outcome> OutcomeOf(const SiteId& site, const wire::HeldUpdate& held) const;
  // Whether another such setback of the job is still worth a record (kMaxSetbacks).
  bool MayNote(const JobId& job, Setback what, const SiteId& site) const;
  // "done", "failed", "cancelled" or, for a job not known here, "unknown"; nullopt while it goes
  // on.
  std::optional<std::string> ResultOf(const JobId& job) const;

 private:
  using ParsedJob = absl::StatusOr<std::shared_ptr<const job::JobSpec>>;
  struct Entry {
    JobView view;  // without current
    ParsedJob spec;
    Bytes envelope;
    LiveView live;
    uint32_t commits = 0;
    StepNumber last_step;
    std::string last_failure;
    std::string cancelled_by;
    std::optional<OpenStepRecord> open;
    LateSteps late;
    std::optional<StepView> closing;  // reported, its commit or failure not read yet
    std::map<StepNumber, Digest> accumulators;
    size_t site_rows = 0;
    size_t first_with_rows = 0;  // index in view.steps
  };
  void Add(const JobSubmitted& record, ParsedJob spec) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const CancelRequested& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const JobEnded& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const SiteEpoch& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const Admission& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const StepOpened& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const UpdateAccepted& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const StepClosed& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const StepCommitted& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const StepFailed& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const JobForgotten& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyTo(const SetbackNoted& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Null when the job is not known.
  Entry* Find(const JobId& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const Entry* Find(const JobId& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null when the step is not the open one.
  Entry* FindOpen(const JobId& job, StepNumber step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static JobView Summary(const Entry& entry);
  void CarryLate(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CloseStep(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetOldJobs() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<JobId, Entry> jobs_ ABSL_GUARDED_BY(mutex_);
  std::vector<JobId> order_ ABSL_GUARDED_BY(mutex_);  // as submitted
  std::deque<JobId> ended_ ABSL_GUARDED_BY(mutex_);
  std::map<SiteId, SiteEpoch> epochs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::server::jobs

#endif  // CONSILIUM_SERVER_JOBS_JOB_HISTORY_H_
