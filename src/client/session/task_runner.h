// The path of one task, in order: held already? -> dataset -> policy -> state -> site half (from
// its checkpoint, if there is one) -> disclosure check -> what stays here staged -> update file and
// what-left record durable -> submit -> receipt.
//
// The result says what the server has to hear. Called by the one worker; everything referenced
// outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_TASK_RUNNER_H_
#define CONSILIUM_CLIENT_SESSION_TASK_RUNNER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/policy/policy.h"
#include "client/session/checkpoint_store.h"
#include "client/session/disk_health.h"
#include "client/session/job_table.h"
#include "client/session/own_vectors.h"
#include "client/session/personal_models.h"
#include "client/session/site_scalings.h"
#include "client/session/site_session.h"
#include "client/session/site_store.h"
#include "client/session/state_cache.h"
#include "client/session/statistics_cache.h"
#include "client/session/task_queue.h"
#include "client/session/uplink.h"

namespace consilium::client::session {

// Speaks to the server over whatever connection there is; sends nothing when there is none.
struct Line {
  std::function<std::shared_ptr<Uplink>()> uplink;  // null: not connected
  std::function<void(const wire::SiteMessage&)> send;
  // Called now and then while a task runs, by the same thread: admissions and outcomes of other
  // tasks do not wait for it.
  std::function<void()> between;
};

// Whether a workload of this round is a step of this job at all.
bool IsStepOf(const job::JobSpec& spec, wire::Workload workload, RoundNumber round);

class TaskRunner {
 public:
  struct Delivered {};
  struct Cancelled {};
  struct Refused {
    policy::Refuse why;
  };
  struct Failed {
    absl::Status why;
    bool passing = false;  // the same may work later, or over the next connection
    Patience patience = Patience::kAttempts;
    bool own_disk = false;  // this site's disk refused; what was computed is kept in memory
  };
  using Result = std::variant<Delivered, Cancelled, Refused, Failed>;

  struct Room {
    SiteId site;
    SiteStore& store;
    StateCache& states;
    StatisticsCache& statistics;
    SiteScalings& scalings;
    OwnVectors& own;
    PersonalModels& personal;
    CheckpointStore& checkpoints;
    DatasetSource& datasets;
    const policy::Policy& policy;
    const Clock& clock;
    const SiteHalf& site_half;
    const std::string& kernel;
  };
  TaskRunner(Room room, Line line);

  Result Run(CurrentTask& current, const TaskQueue& queue, const KnownJob& job);

 private:
  class Pulse;
  struct Work;
  // A contribution that the disk did not take: the next attempt begins with it.
  struct Parked {
    JobId job;
    StepNumber step;
    Digest state;
    train::Contribution contribution;
  };
  bool IsParked(const wire::TaskOffer& offer) const;
  absl::StatusOr<LeftRecord> Make(Work& work);
  void ForgetCheckpoint(const wire::TaskOffer& offer);
  absl::StatusOr<wire::StatePart> StateOf(Work& work);
  // What the job's strategy keeps here. kOverloaded: the outcome that moves it is not heard yet.
  absl::StatusOr<learn::AlignedVector<float>> OwnVectorOf(const Work& work);
  absl::StatusOr<train::Contribution> Compute(Work& work, const data::Dataset& dataset);
  // What `predict` needs of this site for the model that was trained or evaluated.
  absl::Status KeepForPredicting(const Work& work, const wire::StatePart& state,
                                 const data::Dataset& dataset,
                                 const train::Contribution& contribution);
  absl::StatusOr<LeftRecord> Write(const Work& work, train::Contribution contribution);
  absl::Status Submit(Work& work, const LeftRecord& left);

  Room room_;
  Line line_;
  std::optional<Parked> parked_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_TASK_RUNNER_H_
