#include "simulator/federation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/crypto/sha256.h"
#include "common/learn/model_text.h"
#include "common/learn/train_kernel.h"
#include "common/wire/envelope.h"
#include "simulator/draw.h"

namespace consilium::simulator {
namespace {

constexpr const char* kName = "simulation";
constexpr const char* kResearcher = "you";
constexpr UtcMillis kYear = int64_t{365} * 24 * 3600 * 1000;
// A task that met a passing trouble is looked at again.
constexpr Duration kLook = std::chrono::seconds(1);
constexpr int kBeatsPerLease = 4;

bool HasEnded(server::jobs::JobStatus status) {
  return status == server::jobs::JobStatus::kDone || status == server::jobs::JobStatus::kFailed ||
         status == server::jobs::JobStatus::kCancelled;
}

}  // namespace

struct SimulatedFederation::Site {
  Site(SiteSetup the_setup, double slow)
      : setup(std::move(the_setup)), policy(setup.policy), slowness(slow) {}

  const SiteSetup setup;
  const client::policy::Policy policy;
  const double slowness;
  MemoryStorage disk;
  std::unique_ptr<client::session::SiteSession> session;  // null: it has dropped out
  std::shared_ptr<Line> line;
  uint64_t life = 0;
  std::set<StepNumber> open;  // asked for, and neither delivered nor given up
  Instant busy_until{};
};

SimulatedFederation::SimulatedFederation(Options options)
    : options_(std::move(options)), events_(clock_), random_(DrawFor("drop", options_.seed)) {}

SimulatedFederation::~SimulatedFederation() {
  for (const auto& site : sites_) {
    if (site->line != nullptr) link_->Disconnect(site->line);
  }
}

absl::StatusOr<std::unique_ptr<SimulatedFederation>> SimulatedFederation::Create(Options options) {
  std::unique_ptr<SimulatedFederation> federation(new SimulatedFederation(std::move(options)));
  CN_RETURN_IF_ERROR(federation->Begin());
  return federation;
}

absl::Status SimulatedFederation::Begin() {
  server::round::Coordinator::Options server;
  server.folder = "server";
  server.federation = kName;
  server.version = kVersion;
  server.threads = false;
  server.keep.keep_sums_bytes = 0;  // nobody replays, and here they would lie in memory
  CN_ASSIGN_OR_RETURN(coordinator_,
                      server::round::Coordinator::Create(server, server_disk_, clock_));
  link_ = std::make_unique<Link>(events_, *coordinator_, static_cast<LineListener&>(*this));
  const std::vector<double> slowness =
      Slowness(options_.pace.slow, options_.sites.size(), options_.seed);
  for (size_t i = 0; i < options_.sites.size(); ++i) {
    Site& site =
        *sites_.emplace_back(std::make_unique<Site>(std::move(options_.sites[i]), slowness[i]));
    CN_CHECK(by_name_.emplace(site.setup.site, &site).second);
    CN_RETURN_IF_ERROR(StartSite(site));
  }
  return absl::OkStatus();
}

absl::Status SimulatedFederation::StartSite(Site& site) {
  CN_ASSIGN_OR_RETURN(
      site.session,
      client::session::SiteSession::Create(
          {.site = site.setup.site,
           .folder = "site",
           .version = kVersion,
           .kernel = learn::TrainKernel(),
           .most_cached_bytes = 0,  // of thousands of sites each would keep the model
           .checkpoint_interval = Duration(0)},
          {site.disk, *site.setup.datasets, site.policy, clock_, HalfOf(site),
           [this](ByteSpan file, std::string_view name) { return Parsed(file, name); }}));
  CN_ASSIGN_OR_RETURN(site.line, link_->Connect(site.setup.site, *site.session));
  return absl::OkStatus();
}

// Every site reads the same bytes: they are parsed once.
absl::StatusOr<std::shared_ptr<const job::JobSpec>> SimulatedFederation::Parsed(
    ByteSpan file, std::string_view name) const {
  if (spec_ != nullptr && crypto::Sha256Of(file) == spec_->digest) return spec_;
  return client::session::ParseForSite(file, name);
}

Duration SimulatedFederation::RowTimeOf(const Site& site) const {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
      std::min(std::chrono::duration<double>(options_.pace.row_time).count() * site.slowness,
               std::chrono::duration<double>(kMostSimulatedTime).count())));
}

client::session::SiteHalf SimulatedFederation::HalfOf(const Site& site) const {
  return [this, &site](const job::JobSpec& spec, const client::train::SiteTask& task,
                       const wire::StatePart& state, const client::data::Dataset& dataset,
                       const client::train::Progress& progress) {
    const StepClock steps(StepTime(spec, dataset.train.rows(), RowTimeOf(site)));
    client::train::SiteTask timed = task;
    timed.clock = &steps;
    timed.texts = &texts_;
    return options_.site_half(spec, timed, state, dataset, progress);
  };
}

// The state that the job's init names, where it names one: it must be the one that is given.
absl::Status SimulatedFederation::PutStart() {
  const bool wanted = spec_->model.start == job::StartKind::kState;
  const std::string named =
      wanted ? fmt::format("the job starts from sha256:{}", HexOf(spec_->model.start_state))
             : std::string("the job's init names no state");
  if (!options_.start) {
    if (!wanted) return absl::OkStatus();
    return Error(ErrorCode::kUsage, fmt::format("{}, and no file of it is given", named),
                 "add --start FILE: the file that `consilium model put` gave that digest");
  }
  wire::State state;
  state.broadcast = *std::move(options_.start);
  CN_ASSIGN_OR_RETURN(const Digest digest, coordinator_->states().Put(state));
  if (wanted && digest == spec_->model.start_state) return absl::OkStatus();
  return Error(
      ErrorCode::kUsage, fmt::format("{}, and --start gives sha256:{}", named, HexOf(digest)),
      fmt::format("write init = \"sha256:{}\" under [model], or leave --start out", HexOf(digest)));
}

absl::StatusOr<JobId> SimulatedFederation::Submit(std::string_view file,
                                                  std::string_view file_name) {
  CN_ASSIGN_OR_RETURN(spec_, client::session::ParseForSite(AsBytes(file), file_name));
  texts_ = learn::ModelTexts(*spec_);
  CN_RETURN_IF_ERROR(PutStart());
  wire::Envelope envelope;
  envelope.federation = kName;
  envelope.not_before = clock_.UtcNow();
  envelope.expiry = clock_.UtcNow() + kYear;
  CN_ASSIGN_OR_RETURN(
      const server::round::Submitted submitted,
      coordinator_->Submit(kResearcher, wire::EncodeEnvelope(envelope), AsBytes(file)));
  CN_RETURN_IF_ERROR(
      coordinator_->Watch(submitted.job, [this](uint64_t) { changed_ = true; }).status());
  return submitted.job;
}

absl::StatusOr<Finished> SimulatedFederation::Run(const JobId& job) {
  // Whatever follows from one instant follows at once.
  constexpr int kMostPumps = 1'000'000;
  while (clock_.Now() - Instant() < kMostSimulatedTime) {
    int pumps = 0;
    while (coordinator_->Pump()) CN_CHECK(++pumps < kMostPumps);
    CN_RETURN_IF_ERROR(trouble_);
    if (std::exchange(changed_, false)) {
      if (options_.on_change) options_.on_change(*coordinator_, job);
      if (HasEnded(coordinator_->List().front().status)) return Finish(job);
    }
    if (!events_.Step(coordinator_->NextDeadline())) return StandsStill(job);
    while (events_.Next() && *events_.Next() <= clock_.Now()) events_.Step(std::nullopt);
  }
  return Error(ErrorCode::kTimedOut,
               fmt::format("the job has not ended within {} of simulated time",
                           FormatDuration(kMostSimulatedTime)),
               "ask for less: fewer rounds, a shorter --drop P:AWAY, a smaller --row-time");
}

absl::StatusOr<Finished> SimulatedFederation::Finish(const JobId& job) const {
  Finished finished;
  CN_ASSIGN_OR_RETURN(finished.view, coordinator_->Show(job));
  if (!finished.view.state.IsZero()) {
    CN_ASSIGN_OR_RETURN(finished.content, coordinator_->states().Get(finished.view.state));
  }
  finished.simulated = clock_.Now() - Instant();
  finished.dropped = dropped_;
  return finished;
}

absl::Status SimulatedFederation::StandsStill(const JobId& job) const {
  CN_ASSIGN_OR_RETURN(const server::jobs::JobView view, coordinator_->Show(job));
  return Error(ErrorCode::kJobFailed,
               fmt::format("nothing more can happen, and the job has not ended: {}",
                           view.wait.text.empty() ? view.reason : view.wait.text),
               "give it more sites (--sites), or ask for fewer: min_sites under [participation]");
}

void SimulatedFederation::Later(Site& site, Duration delay, std::function<void()> action) {
  events_.After(delay, [&site, life = site.life, action = std::move(action)] {
    if (site.life == life) action();
  });
}

void SimulatedFederation::OnHeard(const SiteId& name, const wire::ServerMessage& message) {
  Site& site = Of(name);
  if (const auto* offer = std::get_if<wire::TaskOffer>(&message)) {
    if (site.open.insert(offer->step).second) TakeUp(site, *offer);
    return;
  }
  if (const auto* cancel = std::get_if<wire::CancelTask>(&message)) {
    site.open.erase(cancel->step);
    return;
  }
  if (const auto* outcome = std::get_if<wire::Outcome>(&message)) site.open.erase(outcome->step);
  if (std::holds_alternative<wire::JobEnded>(message)) site.open.clear();
  // Control work takes no time, and is done before any task.
  Later(site, Duration(0), [&site] { site.session->RunOne(); });
}

void SimulatedFederation::OnSaid(const SiteId& name, const wire::SiteMessage& message) {
  if (const auto* refused = std::get_if<wire::TaskRefused>(&message)) {
    Of(name).open.erase(refused->step);
  } else if (const auto* failed = std::get_if<wire::TaskFailed>(&message)) {
    Of(name).open.erase(failed->step);
  }
}

void SimulatedFederation::OnReceipt(const wire::Receipt& receipt) {
  Of(receipt.key.site).open.erase(receipt.key.step);
}

void SimulatedFederation::TakeUp(Site& site, const wire::TaskOffer& offer) {
  const Duration row_time = RowTimeOf(site);
  const uint64_t visits =
      RowVisits(*spec_, offer.workload, site.setup.train_rows, site.setup.test_rows, row_time);
  const double seconds =
      std::chrono::duration<double>(row_time).count() * static_cast<double>(visits);
  const Duration takes = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
      std::min(seconds, std::chrono::duration<double>(kMostSimulatedTime).count())));
  site.busy_until = std::max(site.busy_until, events_.Now()) + takes;
  const Duration whole = site.busy_until - events_.Now();
  Later(site, whole, [this, &site, step = offer.step] { Deliver(site, step); });
  Pulse(site, offer, site.busy_until);
  const Drop& drop = options_.pace.drop;
  if (offer.workload != wire::Workload::kTrain || drop.chance == 0) return;
  if (random_.Uniform() >= drop.chance) return;
  const auto after =
      Duration(static_cast<int64_t>(random_.Uniform() * static_cast<double>(whole.count())));
  Later(site, after, [this, &site] { DropOut(site); });
}

void SimulatedFederation::Pulse(Site& site, const wire::TaskOffer& offer, Instant until) {
  const Duration beat = offer.progress_lease / kBeatsPerLease;
  if (beat <= Duration(0) || events_.Now() + beat >= until) return;
  Later(site, beat, [this, &site, offer, until] {
    if (!site.open.contains(offer.step)) return;
    link_->Say(site.line, wire::TaskProgress{offer.job, offer.step, "train", 0, 0});
    Pulse(site, offer, until);
  });
}

void SimulatedFederation::Deliver(Site& site, StepNumber step) {
  if (!site.open.contains(step)) return;
  site.session->RunOne();
  if (!site.open.contains(step)) return;
  Later(site, kLook, [this, &site, step] { Deliver(site, step); });
}

void SimulatedFederation::DropOut(Site& site) {
  ++dropped_;
  ++site.life;
  link_->Disconnect(site.line);
  site.line.reset();
  site.session.reset();
  site.open.clear();
  site.busy_until = events_.Now();
  Later(site, options_.pace.drop.away, [this, &site] { trouble_.Update(StartSite(site)); });
}

}  // namespace consilium::simulator
