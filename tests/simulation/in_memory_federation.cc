#include "tests/simulation/in_memory_federation.h"

#include <fmt/format.h>

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
constexpr UtcMillis kDay = 24 * 3600 * 1000;

}  // namespace

client::policy::PolicyOptions OpenPolicy(const std::string& dataset) {
  return {.datasets = {dataset},
          .workloads = {"means", "variances", "train", "evaluate"},
          .researchers = {"*"},
          .min_rows = 1,
          .min_cell = 1};
}

struct InMemoryFederation::Site {
  Site(SiteConfig the_config, uint64_t seed)
      : config(std::move(the_config)), policy(config.policy), disk(seed) {}

  const SiteConfig config;
  const client::policy::Policy policy;
  MemoryStorage disk;
  std::unique_ptr<client::session::SiteSession> session;
  bool working = false;  // a Work is scheduled
  bool stopped = false;
};

InMemoryFederation::InMemoryFederation(Options options)
    : options_(std::move(options)),
      events_(clock_),
      random_(options_.seed),
      link_(events_, random_),
      server_disk_(options_.seed) {
  for (const SiteConfig& config : options_.sites) {
    sites_[config.site] = std::make_unique<Site>(config, options_.seed + sites_.size() + 1);
  }
  link_.OnHeard([this](const SiteId& site) { WorkLater(*sites_.at(site)); });
}

InMemoryFederation::~InMemoryFederation() {
  link_.SetServer(nullptr);
  for (auto& [id, site] : sites_) {
    link_.SetSite(id, nullptr);
    site->session.reset();
  }
}

absl::Status InMemoryFederation::Start() {
  CN_RETURN_IF_ERROR(StartServer());
  for (auto& [id, site] : sites_) StartSite(*site);
  return absl::OkStatus();
}

absl::Status InMemoryFederation::StartServer() {
  server::round::Coordinator::Options options;
  options.folder = "server";
  options.federation = kName;
  options.version = kVersion;
  options.threads = false;
  CN_ASSIGN_OR_RETURN(server_, server::round::Coordinator::Create(options, server_disk_, clock_));
  link_.SetServer(server_.get());
  return absl::OkStatus();
}

void InMemoryFederation::StartSite(Site& site) {
  auto session = client::session::SiteSession::Create(
      {.site = site.config.site, .folder = "site", .version = kVersion}, site.disk,
      *site.config.datasets, site.policy, clock_, site.config.site_half);
  CN_CHECK(session.ok());  // a store that a crash made unreadable is a fault of ours
  site.session = *std::move(session);
  link_.SetSite(site.config.site, site.session.get());
}

void InMemoryFederation::WorkLater(Site& site) {
  if (std::exchange(site.working, true)) return;
  const auto wait =
      static_cast<int64_t>(random_.Uniform() * static_cast<double>(options_.most_work.count()));
  events_.After(Duration(wait), [this, &site] { Work(site); });
}

void InMemoryFederation::Work(Site& site) {
  site.working = false;
  if (site.session == nullptr) return;
  if (site.session->RunOne()) return WorkLater(site);
  // Nothing is due now; a task may wait for its next attempt.
  site.working = true;
  events_.After(kLook, [this, &site] { Work(site); });
}

absl::StatusOr<JobId> InMemoryFederation::Submit(std::string_view job_file) {
  wire::Envelope envelope;
  envelope.federation = kName;
  envelope.not_before = clock_.UtcNow();
  envelope.expiry = clock_.UtcNow() + kDay;
  CN_ASSIGN_OR_RETURN(const server::round::Submitted submitted,
                      server_->Submit("ada", wire::EncodeEnvelope(envelope), AsBytes(job_file)));
  return submitted.job;
}

bool InMemoryFederation::Step() {
  // Whatever follows from the last event follows at once, as far as the server is concerned.
  constexpr int kMostPumps = 100'000;
  int pumps = 0;
  while (server_ != nullptr && server_->Pump()) CN_CHECK(++pumps < kMostPumps);
  return events_.Step(server_ == nullptr ? std::nullopt : server_->NextDeadline());
}

absl::StatusOr<FinishedJob> InMemoryFederation::RunToEnd(const JobId& job) {
  for (uint64_t event = 0; event < options_.max_events; ++event) {
    if (!Step()) break;
    if (server_ == nullptr) continue;
    CN_ASSIGN_OR_RETURN(server::jobs::JobView view, server_->Show(job));
    if (view.status == server::jobs::JobStatus::kFailed ||
        view.status == server::jobs::JobStatus::kCancelled) {
      return Error(ErrorCode::kJobFailed, view.reason);
    }
    if (view.status != server::jobs::JobStatus::kDone) continue;
    CN_ASSIGN_OR_RETURN(wire::State content, server_->states().Get(view.state));
    const Digest state = view.state;
    return FinishedJob{std::move(view), state, std::move(content)};
  }
  return Error(ErrorCode::kTimedOut, fmt::format("job {} has not ended after {} events",
                                                 job.value(), options_.max_events));
}

absl::StatusOr<FinishedJob> InMemoryFederation::RunJob(std::string_view job_file) {
  CN_RETURN_IF_ERROR(Start());
  CN_ASSIGN_OR_RETURN(const JobId job, Submit(job_file));
  return RunToEnd(job);
}

void InMemoryFederation::StopSite(const SiteId& id) {
  Site& site = *sites_.at(id);
  site.stopped = true;
  link_.SetSite(id, nullptr);
  site.session.reset();
}

void InMemoryFederation::CrashSite(const SiteId& id, CrashKind kind, Duration down) {
  Site& site = *sites_.at(id);
  if (site.session == nullptr) return;
  link_.SetSite(id, nullptr);
  site.session.reset();
  site.disk.Crash(kind);
  events_.After(down, [this, &site] {
    if (!site.stopped) StartSite(site);
  });
}

void InMemoryFederation::CrashServer(CrashKind kind, Duration down) {
  if (server_ == nullptr) return;
  link_.SetServer(nullptr);
  server_disk_.Crash(kind);  // first: what the destructor might still write does not count
  server_.reset();
  events_.After(down, [this] { CN_CHECK(StartServer().ok()); });
}

}  // namespace consilium::simulation
