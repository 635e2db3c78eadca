// A whole federation in one process and one thread: a real Coordinator, real site sessions, each
// on its own disk in memory, joined by the in-memory link under simulated time.
//
//   InMemoryFederation federation({.sites = {..}});
//   const auto finished = federation.RunJob(file);   // state digest, state, report of every step
//
// Without faults a run depends on the job file and the datasets alone, so it gives the bits that
// the processes over gRPC give. With faults (seeded) everything that can happen between site and
// server happens: delays, lost connections, repeats, crashes of either side. Not thread-safe.
#ifndef CONSILIUM_TESTS_SIMULATION_IN_MEMORY_FEDERATION_H_
#define CONSILIUM_TESTS_SIMULATION_IN_MEMORY_FEDERATION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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
#include "tests/simulation/event_queue.h"
#include "tests/simulation/in_memory_link.h"

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

class InMemoryFederation {
 public:
  struct Options {
    uint64_t seed = 1;
    std::vector<SiteConfig> sites;
    Duration most_work{0};  // a site begins its next piece of work within this
    uint64_t max_events = 1'000'000;
  };
  explicit InMemoryFederation(Options options);
  ~InMemoryFederation();

  // Starts server and sites. Call once, first.
  absl::Status Start();
  absl::StatusOr<JobId> Submit(std::string_view job_file);
  // One event. False when nothing will ever happen again.
  bool Step();
  // Steps until the job has ended; kTimedOut after max_events, kJobFailed with the job's reason.
  absl::StatusOr<FinishedJob> RunToEnd(const JobId& job);
  // Start, Submit and RunToEnd.
  absl::StatusOr<FinishedJob> RunJob(std::string_view job_file);

  // The process ends; its disk keeps what `kind` keeps. It starts again after `down`.
  void CrashSite(const SiteId& site, CrashKind kind, Duration down);
  void CrashServer(CrashKind kind, Duration down);
  void StopSite(const SiteId& site);  // for good

  server::round::Coordinator* server() { return server_.get(); }  // null while it is down
  InMemoryLink& link() { return link_; }
  EventQueue& events() { return events_; }
  Random& random() { return random_; }
  const ManualClock& clock() const { return clock_; }

 private:
  struct Site;
  absl::Status StartServer();
  void StartSite(Site& site);
  void WorkLater(Site& site);
  void Work(Site& site);

  const Options options_;
  ManualClock clock_;
  EventQueue events_;
  Random random_;
  InMemoryLink link_;
  MemoryStorage server_disk_;
  std::unique_ptr<server::round::Coordinator> server_;
  std::map<SiteId, std::unique_ptr<Site>> sites_;
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_IN_MEMORY_FEDERATION_H_
