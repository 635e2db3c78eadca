// What a Coordinator is made of: the stores on one journal, the sites, and the engines of the
// running jobs.
//
// A desk (one thread, or Pump) answers sites that hold updates of closed steps, takes down engines
// that have ended and starts queued jobs. Sites' messages go straight into the queue of the job's
// engine. Lock order: none is ever held while another is taken; no call out happens under mutex_.
#ifndef CONSILIUM_SERVER_ROUND_COORDINATOR_PARTS_H_
#define CONSILIUM_SERVER_ROUND_COORDINATOR_PARTS_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/base/mutex.h"
#include "common/job/job_spec.h"
#include "server/jobs/job_history.h"
#include "server/jobs/job_watchers.h"
#include "server/jobs/server_journal.h"
#include "server/registry/federation.h"
#include "server/round/coordinator.h"
#include "server/round/engine_world.h"
#include "server/round/job_engine.h"
#include "server/store/state_store.h"
#include "server/store/update_store.h"

namespace consilium::server::round {

struct Coordinator::Parts final : registry::SiteListener, registry::EpochLog {
  Parts(Options o, Storage& s, const Clock& c);

  // Checks the store's format, replays the journal, removes what nobody keeps.
  absl::Status Open();
  // Starts the desk and every job that has not ended.
  void Begin();

  void OnAttend(const SiteId& site, const wire::Hello& hello, registry::Arrival arrival) override;
  void OnLeave(const SiteId& site) override;
  void OnMessage(const SiteId& site, const wire::SiteMessage& message) override;
  absl::Status RecordEpoch(const SiteId& site, Epoch epoch, const wire::Hello& hello) override;
  void OnUpdateAccepted(const wire::TaskKey& key);

  // The state that the job starts from exists and fits.
  absl::Status CheckStart(const job::JobSpec& spec) const;
  absl::Status MakeRoom() const;  // kTooManyJobs, kOverloaded
  void Enqueue(const JobId& job);
  void SayQueued(const JobId& job);
  // The request is in the journal; a job that is still queued ends here.
  absl::Status CancelJob(const JobId& job, const std::string& who);
  bool Pump();
  std::optional<Instant> NextDeadline() const;
  void Drain();
  Stores MakeStores();

  const Options options;
  const Clock& clock;
  store::WatchedStorage storage;
  mutable jobs::JobHistory history;
  jobs::JobWatchers watchers;
  std::unique_ptr<jobs::ServerJournal> journal;  // set by Open
  store::UpdateStore updates;
  store::StateStore states;
  Retention retention;
  registry::Federation federation;

 private:
  struct Held {
    SiteId site;
    std::vector<wire::HeldUpdate> updates;
  };
  struct Running {
    std::shared_ptr<JobEngine> engine;
    std::thread thread;  // none without options.threads
  };
  void RunDesk();
  void Answer(const Held& held);
  bool Reap();  // takes down engines that have ended; true when any had
  void StartQueued();
  std::shared_ptr<JobEngine> Find(const JobId& job) const;
  std::vector<std::shared_ptr<JobEngine>> Engines() const;

  std::unique_ptr<EngineWorld> world_;  // set by Open
  BoundedQueue<Held> desk_;
  std::thread desk_thread_;
  mutable Mutex mutex_;
  std::map<JobId, Running> running_ ABSL_GUARDED_BY(mutex_);
  std::deque<JobId> queued_ ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_COORDINATOR_PARTS_H_
