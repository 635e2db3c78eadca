#include "server/round/coordinator_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/round/next_state.h"
#include "server/store/store_version.h"

namespace consilium::server::round {
namespace {

constexpr Duration kDeskPause = std::chrono::seconds(1);

// A site's message as an event of its job's engine; nullopt when it says nothing to it.
struct Letter {
  JobId job;
  EngineEvent event;
};
std::optional<Letter> LetterOf(const SiteId& site, const wire::SiteMessage& message) {
  const auto step = [](const auto& m, Event event) {
    return Letter{m.job, StepEvent{m.step, std::move(event)}};
  };
  if (const auto* reply = std::get_if<wire::AdmissionReply>(&message)) {
    return Letter{reply->job, Answered{site, *reply}};
  }
  if (const auto* m = std::get_if<wire::TaskAccepted>(&message)) {
    return step(*m, OfferAccepted{site});
  }
  if (const auto* m = std::get_if<wire::TaskRefused>(&message)) {
    return step(*m, OfferRefused{site, m->rule, m->message});
  }
  if (const auto* m = std::get_if<wire::TaskProgress>(&message)) {
    return step(*m, Progress{site, m->phase, m->done, m->total});
  }
  if (const auto* m = std::get_if<wire::TaskFailed>(&message)) {
    return step(*m, SiteFailed{site, fmt::format("{}: {}", m->code, m->message)});
  }
  return std::nullopt;  // OutcomeAck: what a site still holds, it says when it attends
}

}  // namespace

Coordinator::Parts::Parts(Options o, Storage& s, const Clock& c)
    : options(std::move(o)),
      clock(c),
      storage({options.folder, options.max_disk_bytes}, s, c),
      updates({.folder = options.folder + "/updates",
               .small_update_bytes = options.small_update_bytes,
               .fold_updates = options.fold_updates},
              storage,
              [this](std::span<const store::AcceptedUpdate> accepted, store::Sync sync) {
                std::vector<jobs::JobRecord> records;
                for (const store::AcceptedUpdate& update : accepted) {
                  records.push_back(jobs::UpdateAccepted{update.key, update.digest, update.weight,
                                                         update.bytes, update.kernel});
                }
                return sync == store::Sync::kUpdate ? journal->Write(records)
                                                    : journal->WriteUnsynced(records);
              }),
      states(options.folder + "/states", storage),
      retention(options.keep, MakeStores(), history),
      federation({options.federation, options.version}, *this, *this, c),
      desk_(2 * registry::kMaxSites) {}

Stores Coordinator::Parts::MakeStores() {
  return {storage, updates, states, options.folder + "/sums"};
}

absl::Status Coordinator::Parts::Open() {
  CN_ASSIGN_OR_RETURN(const uint32_t version, store::ReadStoreVersion(storage, options.folder));
  for (const char* folder : {"/updates", "/states", "/sums"}) {
    CN_RETURN_IF_ERROR(storage.CreateFolder(options.folder + folder));
  }
  CN_ASSIGN_OR_RETURN(journal, jobs::ServerJournal::Open(storage, options.folder + "/journal",
                                                         clock, history, watchers));
  CN_RETURN_IF_ERROR(storage.Load());
  CN_RETURN_IF_ERROR(states.Load());
  CN_RETURN_IF_ERROR(retention.Rebuild(/*pin_strangers=*/version < 2));
  if (version < store::kStoreVersion) {
    CN_RETURN_IF_ERROR(store::WriteStoreVersion(storage, options.folder));
    CN_CRASH_POINT("store.versioned");
  }
  retention.ForgetJobs(*journal, clock.UtcNow());
  for (const jobs::SiteEpoch& known : history.Epochs()) {
    federation.Restore(known.site, known.epoch, known.store_id, known.process);
  }
  world_ = std::make_unique<EngineWorld>(EngineWorld{*journal, history, watchers, federation,
                                                     MakeStores(), storage, retention, clock,
                                                     options.accept_lease, options.progress_lease});
  return absl::OkStatus();
}

void Coordinator::Parts::Begin() {
  const std::vector<JobId> open = history.OpenJobs();
  {
    MutexLock lock(mutex_);
    queued_.assign(open.begin(), open.end());
  }
  for (size_t i = kMaxRunningJobs; i < open.size(); ++i) SayQueued(open[i]);
  StartQueued();
  if (options.threads) desk_thread_ = std::thread([this] { RunDesk(); });
}

void Coordinator::Parts::OnAttend(const SiteId& site, const wire::Hello& hello,
                                  registry::Arrival arrival) {
  for (const auto& engine : Engines()) engine->Post(Attended{site, arrival});
  if (!hello.held.empty() && !desk_.TryPush(Held{site, hello.held})) {
    Log(Level::kWarning, "held updates are answered at the next attend", {{"site", site.value()}});
  }
}

void Coordinator::Parts::OnLeave(const SiteId& site) {
  for (const auto& engine : Engines()) engine->Post(Left{site});
}

void Coordinator::Parts::OnMessage(const SiteId& site, const wire::SiteMessage& message) {
  std::optional<Letter> letter = LetterOf(site, message);
  if (!letter) return;
  if (const auto engine = Find(letter->job)) engine->Post(std::move(letter->event));
}

absl::Status Coordinator::Parts::RecordEpoch(const SiteId& site, Epoch epoch,
                                             const wire::Hello& hello) {
  return journal->Write(jobs::SiteEpoch{site, epoch, hello.store_id, hello.process});
}

void Coordinator::Parts::OnUpdateAccepted(const wire::TaskKey& key) {
  const auto engine = Find(key.job);
  const std::optional<jobs::UpdateAccepted> known = history.FindAccepted(key);
  if (engine == nullptr || !known) return;
  engine->Post(StepEvent{key.step, UpdateAccepted{key.site, known->digest, known->weight,
                                                  known->bytes, known->kernel}});
}

absl::Status Coordinator::Parts::CheckStart(const job::JobSpec& spec) const {
  return CheckFirstState(spec, states);
}

absl::Status Coordinator::Parts::MakeRoom() const {
  MutexLock lock(mutex_);
  if (draining_) return Error(ErrorCode::kOverloaded, "the server is shutting down");
  if (running_.size() + queued_.size() < kMaxOpenJobs) return absl::OkStatus();
  return Error(ErrorCode::kTooManyJobs, fmt::format("{} jobs are open, the most", kMaxOpenJobs),
               "Wait for one to end, or cancel one.");
}

void Coordinator::Parts::SayQueued(const JobId& job) {
  const std::string text =
      fmt::format("{} jobs run, the most: it begins when one ends", kMaxRunningJobs);
  history.SetLive(job, {jobs::JobStatus::kQueued, {"slot", text, {}, Duration(0), {}}, {}});
}

void Coordinator::Parts::Enqueue(const JobId& job) {
  bool waits = false;
  {
    MutexLock lock(mutex_);
    const bool known = running_.contains(job) || std::ranges::find(queued_, job) != queued_.end();
    if (known) return;
    queued_.push_back(job);
    waits = running_.size() >= kMaxRunningJobs;
  }
  if (waits) SayQueued(job);
  StartQueued();
}

void Coordinator::Parts::StartQueued() {
  MutexLock lock(mutex_);
  while (!draining_ && !queued_.empty() && running_.size() < kMaxRunningJobs) {
    const JobId job = queued_.front();
    queued_.pop_front();
    Running& running = running_[job];
    running.engine = std::make_shared<JobEngine>(job, *world_, [this] { desk_.TryPush(Held{}); });
    if (!options.threads) continue;
    running.thread = std::thread([engine = running.engine] { engine->Run(); });
  }
}

absl::Status Coordinator::Parts::CancelJob(const JobId& job, const std::string& who) {
  if (const auto engine = Find(job)) {
    engine->Post(CancelAsked{});
    return absl::OkStatus();
  }
  {
    MutexLock lock(mutex_);
    if (std::erase(queued_, job) == 0) return absl::OkStatus();  // it has just ended
  }
  return journal->Write(
      jobs::JobEnded{job, jobs::JobStatus::kCancelled, "cancelled by " + who, clock.UtcNow()});
}

std::shared_ptr<JobEngine> Coordinator::Parts::Find(const JobId& job) const {
  MutexLock lock(mutex_);
  const auto found = running_.find(job);
  return found == running_.end() ? nullptr : found->second.engine;
}

std::vector<std::shared_ptr<JobEngine>> Coordinator::Parts::Engines() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<JobEngine>> engines;
  engines.reserve(running_.size());
  for (const auto& [job, running] : running_) engines.push_back(running.engine);
  return engines;
}

// ---- the desk

void Coordinator::Parts::RunDesk() {
  while (!desk_.closed()) {
    const std::optional<Held> held = desk_.PopFor(kDeskPause);
    if (held) Answer(*held);
    Reap();
  }
}

void Coordinator::Parts::Answer(const Held& held) {
  for (const wire::HeldUpdate& update : held.updates) {
    if (const std::optional<wire::Outcome> outcome = history.OutcomeOf(held.site, update)) {
      federation.SendTo(held.site, *outcome);
    }
    if (const std::optional<std::string> result = history.ResultOf(update.job)) {
      federation.SendTo(held.site, wire::JobEnded{update.job, *result});
    }
  }
}

bool Coordinator::Parts::Reap() {
  std::vector<Running> gone;
  {
    MutexLock lock(mutex_);
    for (auto it = running_.begin(); it != running_.end();) {
      if (!it->second.engine->ended()) {
        ++it;
        continue;
      }
      gone.push_back(std::move(it->second));
      it = running_.erase(it);
    }
  }
  for (Running& running : gone) {
    if (running.thread.joinable()) running.thread.join();
  }
  if (!gone.empty()) {
    retention.ForgetJobs(*journal, clock.UtcNow());
    StartQueued();
  }
  return !gone.empty();
}

bool Coordinator::Parts::Pump() {
  CN_CHECK(!options.threads);
  bool any = false;
  while (const std::optional<Held> held = desk_.TryPop()) {
    Answer(*held);
    any = any || !held->updates.empty();
  }
  for (const auto& engine : Engines()) any = engine->Pump() || any;
  return Reap() || any;
}

std::optional<Instant> Coordinator::Parts::NextDeadline() const {
  std::optional<Instant> next;
  for (const auto& engine : Engines()) {
    const std::optional<Instant> due = engine->NextDeadline();
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

void Coordinator::Parts::Drain() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(draining_, true)) return;
  }
  desk_.Close();
  if (desk_thread_.joinable()) desk_thread_.join();
  for (const auto& engine : Engines()) engine->Stop();
  std::map<JobId, Running> running;
  {
    MutexLock lock(mutex_);
    running.swap(running_);
  }
  for (auto& [job, entry] : running) {
    if (entry.thread.joinable()) entry.thread.join();
  }
  federation.CloseAll(Error(ErrorCode::kConnectionLost, "the server is shutting down",
                            "The client connects again by itself."));
}

}  // namespace consilium::server::round
