// A whole federation in one process and one thread, under simulated time: a real Coordinator and a
// real SiteSession for each site, every store in memory, joined by Link.
//
//   CN_ASSIGN_OR_RETURN(auto federation, SimulatedFederation::Create(std::move(options)));
//   CN_ASSIGN_OR_RETURN(const JobId job, federation->Submit(file));
//   CN_ASSIGN_OR_RETURN(const Finished finished, federation->Run(job));
//
// A site accepts an offer at once, is at work for as long as Pace says (alive: it says so as a real
// one does), then computes and delivers within one instant. One that drops out ends as a process
// does: its work is lost, its store stays; it starts again later and attends. The job file, the
// rows and the names of the sites decide the bits, as in a federation of processes; pace and seed
// decide who counts when. Not thread-safe.
#ifndef CONSILIUM_SIMULATOR_FEDERATION_H_
#define CONSILIUM_SIMULATOR_FEDERATION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/policy/policy.h"
#include "client/session/site_session.h"
#include "client/train/site_half.h"
#include "common/base/clock.h"
#include "common/base/memory_storage.h"
#include "common/base/random.h"
#include "common/job/job_spec.h"
#include "common/wire/state_file.h"
#include "server/jobs/job_view.h"
#include "server/round/coordinator.h"
#include "simulator/event_queue.h"
#include "simulator/link.h"
#include "simulator/pace.h"

namespace consilium::simulator {

inline constexpr Duration kMostSimulatedTime = std::chrono::hours(24 * 365);

// What a site brings. `datasets` may be shared by sites.
struct SiteSetup {
  SiteId site;
  std::shared_ptr<client::session::DatasetSource> datasets;
  client::policy::PolicyOptions policy;
  uint64_t train_rows = 0;  // how long its work takes
  uint64_t test_rows = 0;
};

struct Finished {
  server::jobs::JobView view;  // kDone, kFailed or kCancelled
  wire::State content;         // of view.state; empty when the job committed nothing
  Duration simulated{0};
  uint64_t dropped = 0;  // times that a site went away
};

class SimulatedFederation final : private LineListener {
 public:
  struct Options {
    std::vector<SiteSetup> sites;  // names differ
    // The model that a job with init = "sha256:.." starts from, as `consilium model put` sends it.
    std::optional<wire::StatePart> start = std::nullopt;
    Pace pace;
    uint64_t seed = 1;
    client::session::SiteHalf site_half = client::train::RunSiteHalf;
    // After whatever changed the job.
    std::function<void(const server::round::Coordinator&, const JobId&)> on_change;
  };
  // Everybody is connected when it returns.
  static absl::StatusOr<std::unique_ptr<SimulatedFederation>> Create(Options options);
  ~SimulatedFederation() override;

  // 02xx errors name the place in `file_name`; kUsage when the job's init and `start` do not go
  // together. The id follows from the file alone. Call once.
  absl::StatusOr<JobId> Submit(std::string_view file, std::string_view file_name);
  // To the job's end. kJobFailed when nothing can ever happen again, with what it waits for;
  // kTimedOut after kMostSimulatedTime.
  absl::StatusOr<Finished> Run(const JobId& job);

 private:
  struct Site;
  explicit SimulatedFederation(Options options);
  absl::Status Begin();
  absl::Status StartSite(Site& site);
  absl::Status PutStart();
  void OnHeard(const SiteId& site, const wire::ServerMessage& message) override;
  void OnSaid(const SiteId& site, const wire::SiteMessage& message) override;
  void OnReceipt(const wire::Receipt& receipt) override;
  absl::StatusOr<std::shared_ptr<const job::JobSpec>> Parsed(ByteSpan file,
                                                             std::string_view name) const;
  // Of one visit of a row at this site.
  Duration RowTimeOf(const Site& site) const;
  // As options_.site_half, with local steps that take their simulated time.
  client::session::SiteHalf HalfOf(const Site& site) const;
  void TakeUp(Site& site, const wire::TaskOffer& offer);
  void Pulse(Site& site, const wire::TaskOffer& offer, Instant until);
  void Deliver(Site& site, StepNumber step);
  void DropOut(Site& site);
  // `action` later, unless the site's process has ended by then.
  void Later(Site& site, Duration delay, std::function<void()> action);
  Site& Of(const SiteId& site) { return *by_name_.at(site); }
  absl::StatusOr<Finished> Finish(const JobId& job) const;
  absl::Status StandsStill(const JobId& job) const;

  Options options_;
  ManualClock clock_;
  EventQueue events_;
  Random random_;  // who drops out, and when
  MemoryStorage server_disk_;
  std::unique_ptr<server::round::Coordinator> coordinator_;
  std::unique_ptr<Link> link_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::unordered_map<SiteId, Site*> by_name_;
  std::shared_ptr<const job::JobSpec> spec_;  // null before Submit
  std::map<std::string, std::string> texts_;  // learn::ModelTexts of it
  bool changed_ = false;
  uint64_t dropped_ = 0;
  absl::Status trouble_;  // a site that could not start again
};

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_FEDERATION_H_
