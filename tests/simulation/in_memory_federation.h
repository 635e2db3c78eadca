// A whole federation in one process and one thread: a real Coordinator, real site sessions, each
// on its own disk in memory, joined by the in-memory link under simulated time.
//
//   InMemoryFederation federation({.sites = {..}});
//   const auto finished = federation.RunJob(file);   // state digest, state, report of every step
//
// Without faults a run depends on the job file and the datasets alone, so it gives the bits that
// the processes over gRPC give. With faults (seeded) everything that can happen between site and
// server happens: delays, lost connections, repeats, failing disks, wrong clocks, and crashes of
// either side between any two disk operations. A process that cannot start is started again.
// While a transfer or a Wait lets time pass, everybody else goes on. Not thread-safe.
#ifndef CONSILIUM_TESTS_SIMULATION_IN_MEMORY_FEDERATION_H_
#define CONSILIUM_TESTS_SIMULATION_IN_MEMORY_FEDERATION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/policy/policy.h"
#include "client/session/site_session.h"
#include "client/train/site_half.h"
#include "common/base/clock.h"
#include "common/base/memory_storage.h"
#include "common/base/random.h"
#include "common/wire/state_file.h"
#include "server/jobs/job_view.h"
#include "server/round/coordinator.h"
#include "simulator/event_queue.h"
#include "tests/simulation/faulty_disk.h"
#include "tests/simulation/in_memory_link.h"
#include "tests/simulation/skewed_clock.h"

namespace consilium::simulation {

// Allows everything that a test asks of the dataset `dataset`.
client::policy::PolicyOptions OpenPolicy(const std::string& dataset);

struct SiteConfig {
  SiteId site;
  client::session::DatasetSource* datasets = nullptr;  // outlives the federation
  client::policy::PolicyOptions policy;
  client::session::SiteHalf site_half = client::train::RunSiteHalf;
};

struct FinishedJob {
  server::jobs::JobView view;
  Digest state;  // manifest digest
  wire::State content;
};

// How a process's disk behaves from its next start on, and in the midst of which changing
// operation after that start the process dies (0: none).
struct DiskWeather {
  DiskFaults faults;
  std::function<uint64_t()> dies_at;
  CrashKind kind = CrashKind::kPowerCut;
};

class InMemoryFederation {
 public:
  struct Options {
    uint64_t seed = 1;
    std::vector<SiteConfig> sites;
    Duration most_work{0};  // a site begins its next piece of work within this
    uint64_t max_events = 1'000'000;
    size_t fold_updates = 16;  // spools that the server folds while a round goes on
    uint64_t small_update_bytes = server::store::kMaxSmallBytes;  // 0: a spool for each update
    PlantedBug bug = PlantedBug::kNone;
  };
  explicit InMemoryFederation(Options options);
  ~InMemoryFederation();

  // Starts server and sites. Call once, first.
  absl::Status Start();
  // kCannotConnect while the server is down. The same envelope again is the same job.
  absl::StatusOr<JobId> Submit(std::string_view job_file, ByteSpan envelope);
  Bytes MakeEnvelope() const;
  // One event. False when nothing will ever happen again.
  bool Step();
  // Lets time pass, with everything that happens in it.
  void Wait(Duration length);
  // Steps until the job has ended; kTimedOut after max_events, kJobFailed with the job's reason.
  absl::StatusOr<FinishedJob> RunToEnd(const JobId& job);
  // Start, Submit and RunToEnd.
  absl::StatusOr<FinishedJob> RunJob(std::string_view job_file);
  // Called after every event.
  void OnStep(std::function<void()> on_step) { on_step_ = std::move(on_step); }

  // The process ends; its disk keeps what `kind` keeps. It starts again after `down`.
  void CrashSite(const SiteId& site, CrashKind kind, Duration down);
  void CrashServer(CrashKind kind, Duration down);
  void StopSite(const SiteId& site);  // for good
  // Of the running process and of those that follow it.
  void SetServerDisk(DiskWeather weather);
  void SetSiteDisks(const DiskWeather& weather);
  void JumpServerClock(UtcMillis by) { server_clock_.Jump(by); }
  void JumpSiteClock(const SiteId& site, UtcMillis by);

  // Null while they are down.
  server::round::Coordinator* server();
  client::session::SiteSession* session(const SiteId& site);
  bool stopped(const SiteId& site) const;
  const MemoryStorage& SiteDisk(const SiteId& site) const;
  InMemoryLink& link() { return link_; }
  EventQueue& events() { return events_; }
  const ManualClock& clock() const { return clock_; }
  uint64_t crashes() const { return crashes_; }

 private:
  struct Site;
  struct Server;
  struct Incarnation;
  bool StepBefore(std::optional<Instant> limit);
  void StartServer();
  void StartSite(Site& site);
  void EndServer(Duration down);
  void EndSite(Site& site, Duration down);
  void WorkLater(Site& site);
  void Work(Site& site);

  const Options options_;
  ManualClock clock_;
  SkewedClock server_clock_;
  EventQueue events_;
  Random random_;
  InMemoryLink link_;
  MemoryStorage server_memory_;
  DiskWeather server_weather_;
  std::unique_ptr<Server> server_;  // null while it is down
  std::map<SiteId, std::unique_ptr<Site>> sites_;
  std::function<void()> on_step_;
  uint64_t crashes_ = 0;
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_IN_MEMORY_FEDERATION_H_
