// The server without its transport: jobs, rounds, sites, updates and states, on one journal.
//
// One JobEngine (thread) per running job; jobs share nothing but the stores and the federation, so
// two at once do not disturb each other. Every step is journalled before it is acted on; Create
// replays the journal, and running jobs go on where they were.
// Thread-safe.
#ifndef CONSILIUM_SERVER_ROUND_COORDINATOR_H_
#define CONSILIUM_SERVER_ROUND_COORDINATOR_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/storage.h"
#include "server/jobs/job_view.h"
#include "server/registry/federation.h"
#include "server/round/retention.h"
#include "server/store/state_store.h"
#include "server/store/update_store.h"
#include "server/store/watched_storage.h"

namespace consilium::server::round {

inline constexpr size_t kMaxRunningJobs = 64;  // further ones queue
inline constexpr size_t kMaxOpenJobs = 4096;   // queued and running: kTooManyJobs above

struct Submitted {
  JobId job;
  bool already_known = false;
};
struct ReplayedStep {
  StepNumber step;
  Digest recorded;
  Digest replayed;
  bool sums_redone = false;
  std::string gone;  // why it could not be redone; `replayed` is zero then
};

// Called after every change of the job with its newest version number; never under a lock, must not
// block.
using JobWatcher = std::function<void(uint64_t version)>;

class Coordinator {
 public:
  struct Options {
    std::string folder;      // the server's data
    std::string federation;  // its name
    std::string version;
    Duration accept_lease = std::chrono::seconds(30);
    Duration progress_lease = std::chrono::seconds(60);
    RetentionRule keep = {};
    uint64_t max_disk_bytes = UINT64_MAX;
    uint64_t small_update_bytes = store::kMaxSmallBytes;  // up to here updates share segments
    size_t fold_updates = 16;  // spools that are folded while a round goes on
    bool threads = true;       // false: the owner calls Pump (simulation, in-memory tests)
  };
  // Opens or begins the store in `folder`; all references outlive this. REQUIRES: no other process
  // uses it (server/app holds its lock). kJournalCorrupt, kFormatVersion, kStorage*.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Create(Options options, Storage& storage,
                                                             const Clock& clock);
  ~Coordinator();

  registry::Federation& federation();
  store::UpdateStore& updates();
  store::StateStore& states();
  // Tells the job's engine of an accepted update (called after UpdateStore::Finish returned).
  void OnUpdateAccepted(const wire::TaskKey& key);

  // Parses, checks and journals; the job starts when sites are there. 02xx errors name the place.
  absl::StatusOr<Submitted> Submit(const std::string& researcher, ByteSpan envelope, ByteSpan file);
  std::vector<jobs::JobView> List() const;  // newest first, without steps
  // `after` = only steps later than this one. kJobNotFound.
  absl::StatusOr<jobs::JobView> Show(const JobId& job, StepNumber after = StepNumber(0)) const;
  absl::StatusOr<jobs::JobView> Cancel(const JobId& job, const std::string& who);
  // Ok, or why nothing can be written just now. Looks at the disk when it is time to.
  absl::Status DiskHealth();
  store::WatchedStorage& disk();
  // Redoes the server half of every committed step from kept accumulators.
  absl::StatusOr<std::vector<ReplayedStep>> Replay(const JobId& job) const;
  // Returns a ticket for Unwatch. kJobNotFound. When Unwatch returns, the watcher is not running
  // and never runs again; a watcher does not call it itself.
  absl::StatusOr<uint64_t> Watch(const JobId& job, JobWatcher watcher);
  void Unwatch(uint64_t ticket);

  // Without threads: handles everything that is queued or due; true when anything happened.
  bool Pump();
  std::optional<Instant> NextDeadline() const;

  // No new steps; what is open is parked durably. Then every stream is closed.
  void Drain();

 private:
  struct Parts;
  explicit Coordinator(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_COORDINATOR_H_
