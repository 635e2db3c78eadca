#include "tests/simulation/in_memory_federation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/wire/envelope.h"

namespace consilium::simulation {
namespace {

constexpr const char* kName = "simulated";
constexpr const char* kVersion = "0.1.0";
constexpr Duration kLook = std::chrono::seconds(1);  // a site looks for work that has become due
constexpr Duration kStartAgain = std::chrono::seconds(1);
constexpr UtcMillis kDay = 24 * 3600 * 1000;

}  // namespace

client::policy::PolicyOptions OpenPolicy(const std::string& dataset) {
  return {.datasets = {dataset},
          .workloads = {"means", "variances", "train", "evaluate"},
          .researchers = {"*"},
          .min_rows = 1,
          .min_cell = 1};
}

// One life of the server. What it still tries when it is dead reaches neither disk nor network.
struct InMemoryFederation::Server {
  Server(MemoryStorage& memory, Random& random, PlantedBug bug) : disk(memory, random, bug) {}
  FaultyDisk disk;
  std::unique_ptr<server::round::Coordinator> coordinator;
};

// One life of a site. Shared with the piece of work that it is at: that may be in the midst of a
// transfer when the process dies.
struct InMemoryFederation::Incarnation {
  Incarnation(MemoryStorage& memory, Random& random) : disk(memory, random, PlantedBug::kNone) {}
  FaultyDisk disk;
  std::unique_ptr<client::session::SiteSession> session;
};

struct InMemoryFederation::Site {
  Site(SiteConfig the_config, uint64_t seed, const Clock& base)
      : config(std::move(the_config)), policy(config.policy), clock(base), memory(seed) {}

  const SiteConfig config;
  const client::policy::Policy policy;
  SkewedClock clock;
  MemoryStorage memory;
  DiskWeather weather;
  std::shared_ptr<Incarnation> life;  // null while it is down
  bool working = false;               // a Work is scheduled, or under way
  bool stopped = false;
};

InMemoryFederation::InMemoryFederation(Options options)
    : options_(std::move(options)),
      server_clock_(clock_),
      events_(clock_),
      random_(options_.seed),
      link_(events_, random_),
      server_memory_(options_.seed) {
  for (const SiteConfig& config : options_.sites) {
    sites_[config.site] = std::make_unique<Site>(config, options_.seed + sites_.size() + 1, clock_);
  }
  link_.SetBug(options_.bug);
  link_.OnHeard([this](const SiteId& site) { WorkLater(*sites_.at(site)); });
  link_.SetWait([this](Duration length) { Wait(length); });
}

InMemoryFederation::~InMemoryFederation() {
  link_.SetServer(nullptr);
  for (auto& [id, site] : sites_) link_.SetSite(id, nullptr);
}

absl::Status InMemoryFederation::Start() {
  StartServer();
  for (auto& [id, site] : sites_) StartSite(*site);
  return absl::OkStatus();
}

void InMemoryFederation::StartServer() {
  server::round::Coordinator::Options options;
  options.folder = "server";
  options.federation = kName;
  options.version = kVersion;
  options.fold_updates = options_.fold_updates;
  options.small_update_bytes = options_.small_update_bytes;
  options.threads = false;
  server_ = std::make_unique<Server>(server_memory_, random_, options_.bug);
  server_->disk.SetFaults(server_weather_.faults);
  if (server_weather_.dies_at) {
    server_->disk.DieAt(server_weather_.dies_at(), [this] { link_.SetServer(nullptr); });
  }
  auto started = server::round::Coordinator::Create(options, server_->disk, server_clock_);
  if (server_->disk.dead()) return;  // StepBefore sees to it
  if (!started.ok()) {
    server_.reset();
    events_.After(kStartAgain, [this] { StartServer(); });
    return;
  }
  server_->coordinator = *std::move(started);
  link_.SetServer(server_->coordinator.get());
}

void InMemoryFederation::StartSite(Site& site) {
  if (site.stopped) return;
  site.life = std::make_shared<Incarnation>(site.memory, random_);
  site.life->disk.SetFaults(site.weather.faults);
  if (site.weather.dies_at) {
    site.life->disk.DieAt(site.weather.dies_at(),
                          [this, id = site.config.site] { link_.SetSite(id, nullptr); });
  }
  auto session = client::session::SiteSession::Create(
      {.site = site.config.site, .folder = "site", .version = kVersion},
      {site.life->disk, *site.config.datasets, site.policy, site.clock, site.config.site_half});
  if (site.life->disk.dead()) return;
  if (!session.ok()) {
    site.life.reset();
    events_.After(kStartAgain, [this, &site] { StartSite(site); });
    return;
  }
  site.life->session = *std::move(session);
  link_.SetSite(site.config.site, site.life->session.get());
}

void InMemoryFederation::WorkLater(Site& site) {
  if (std::exchange(site.working, true)) return;
  const auto wait =
      static_cast<int64_t>(random_.Uniform() * static_cast<double>(options_.most_work.count()));
  events_.After(Duration(wait), [this, &site] { Work(site); });
}

void InMemoryFederation::Work(Site& site) {
  const std::shared_ptr<Incarnation> life = site.life;  // until this is done
  const bool worked = life != nullptr && life->session != nullptr && life->session->RunOne();
  site.working = false;
  if (site.life == nullptr || site.life->session == nullptr) return;
  if (worked) return WorkLater(site);
  // Nothing is due now; a task may wait for its next attempt.
  site.working = true;
  events_.After(kLook, [this, &site] { Work(site); });
}

Bytes InMemoryFederation::MakeEnvelope() const {
  wire::Envelope envelope;
  envelope.federation = kName;
  envelope.not_before = clock_.UtcNow() - kDay;  // whoever's clock is wrong
  envelope.expiry = clock_.UtcNow() + kDay;
  return wire::EncodeEnvelope(envelope);
}

absl::StatusOr<JobId> InMemoryFederation::Submit(std::string_view job_file, ByteSpan envelope) {
  if (server() == nullptr) return Error(ErrorCode::kCannotConnect, "the server is down");
  CN_ASSIGN_OR_RETURN(const server::round::Submitted submitted,
                      server()->Submit("ada", envelope, AsBytes(job_file)));
  return submitted.job;
}

bool InMemoryFederation::Step() { return StepBefore(std::nullopt); }

bool InMemoryFederation::StepBefore(std::optional<Instant> limit) {
  // Whatever follows from the last event follows at once, as far as the server is concerned.
  constexpr int kMostPumps = 100'000;
  int pumps = 0;
  while (server() != nullptr && !server_->disk.dead() && server()->Pump()) {
    CN_CHECK(++pumps < kMostPumps);
  }
  std::optional<Instant> wake = limit;
  if (server() != nullptr && !server_->disk.dead()) {
    const std::optional<Instant> due = server()->NextDeadline();
    if (due && (!wake || *due < *wake)) wake = due;
  }
  const bool any = events_.Step(wake);
  if (server_ != nullptr && server_->disk.dead()) EndServer(kStartAgain);
  for (auto& [id, site] : sites_) {
    if (site->life != nullptr && site->life->disk.dead()) EndSite(*site, kStartAgain);
  }
  if (on_step_) on_step_();
  return any;
}

void InMemoryFederation::Wait(Duration length) {
  const Instant until = clock_.Now() + length;
  do {
    StepBefore(until);
  } while (clock_.Now() < until);
}

absl::StatusOr<FinishedJob> InMemoryFederation::RunToEnd(const JobId& job) {
  for (uint64_t event = 0; event < options_.max_events; ++event) {
    if (!Step()) break;
    if (server() == nullptr) continue;
    CN_ASSIGN_OR_RETURN(server::jobs::JobView view, server()->Show(job));
    if (view.status == server::jobs::JobStatus::kFailed ||
        view.status == server::jobs::JobStatus::kCancelled) {
      return Error(ErrorCode::kJobFailed, view.reason);
    }
    if (view.status != server::jobs::JobStatus::kDone) continue;
    CN_ASSIGN_OR_RETURN(wire::State content, server()->states().Get(view.state));
    const Digest state = view.state;
    return FinishedJob{std::move(view), state, std::move(content)};
  }
  return Error(ErrorCode::kTimedOut, fmt::format("job {} has not ended after {} events",
                                                 job.value(), options_.max_events));
}

absl::StatusOr<FinishedJob> InMemoryFederation::RunJob(std::string_view job_file) {
  CN_RETURN_IF_ERROR(Start());
  CN_ASSIGN_OR_RETURN(const JobId job, Submit(job_file, MakeEnvelope()));
  return RunToEnd(job);
}

void InMemoryFederation::StopSite(const SiteId& id) {
  Site& site = *sites_.at(id);
  site.stopped = true;
  if (site.life != nullptr) EndSite(site, Duration(0));
}

void InMemoryFederation::EndSite(Site& site, Duration down) {
  link_.SetSite(site.config.site, nullptr);
  site.life->disk.Die();
  site.life.reset();
  site.memory.Crash(site.weather.kind);
  ++crashes_;
  events_.After(down, [this, &site] { StartSite(site); });
}

void InMemoryFederation::CrashSite(const SiteId& id, CrashKind kind, Duration down) {
  Site& site = *sites_.at(id);
  if (site.life == nullptr) return;
  site.weather.kind = kind;
  EndSite(site, down);
}

void InMemoryFederation::EndServer(Duration down) {
  link_.SetServer(nullptr);
  server_->disk.Die();  // first: what the destructor might still write does not count
  server_.reset();
  server_memory_.Crash(server_weather_.kind);
  ++crashes_;
  events_.After(down, [this] { StartServer(); });
}

void InMemoryFederation::CrashServer(CrashKind kind, Duration down) {
  if (server_ == nullptr) return;
  server_weather_.kind = kind;
  EndServer(down);
}

void InMemoryFederation::SetServerDisk(DiskWeather weather) {
  server_weather_ = std::move(weather);
  if (server_ == nullptr) return;
  server_->disk.SetFaults(server_weather_.faults);
  const uint64_t dies_at = server_weather_.dies_at ? server_weather_.dies_at() : 0;
  server_->disk.DieAt(dies_at, [this] { link_.SetServer(nullptr); });
}

void InMemoryFederation::SetSiteDisks(const DiskWeather& weather) {
  for (auto& [id, site] : sites_) {
    site->weather = weather;
    if (site->life == nullptr) continue;
    site->life->disk.SetFaults(weather.faults);
    const uint64_t dies_at = weather.dies_at ? weather.dies_at() : 0;
    site->life->disk.DieAt(dies_at, [this, site_id = id] { link_.SetSite(site_id, nullptr); });
  }
}

void InMemoryFederation::JumpSiteClock(const SiteId& site, UtcMillis by) {
  sites_.at(site)->clock.Jump(by);
}

server::round::Coordinator* InMemoryFederation::server() {
  return server_ == nullptr ? nullptr : server_->coordinator.get();
}

client::session::SiteSession* InMemoryFederation::session(const SiteId& site) {
  const auto& life = sites_.at(site)->life;
  return life == nullptr ? nullptr : life->session.get();
}

bool InMemoryFederation::stopped(const SiteId& site) const { return sites_.at(site)->stopped; }

const MemoryStorage& InMemoryFederation::SiteDisk(const SiteId& site) const {
  return sites_.at(site)->memory;
}

}  // namespace consilium::simulation
