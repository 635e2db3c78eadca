#include "client/session/site_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "client/session/admission.h"
#include "client/session/disk_health.h"
#include "client/session/job_table.h"
#include "client/session/own_vectors.h"
#include "client/session/peer_text.h"
#include "client/session/personal_models.h"
#include "client/session/settling.h"
#include "client/session/site_scalings.h"
#include "client/session/site_store.h"
#include "client/session/state_cache.h"
#include "client/session/statistics_cache.h"
#include "client/session/task_queue.h"
#include "client/session/task_runner.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"

namespace consilium::client::session {
namespace {

constexpr Duration kDiskRetry = std::chrono::seconds(15);
constexpr Duration kLongestBeat = std::chrono::seconds(20);

}  // namespace

struct SiteSession::Parts {
  Parts(Options the_options, Storage& storage, StateCache cache)
      : options(std::move(the_options)),
        jobs(options.folder + "/jobs", storage, options.max_jobs),
        states(std::move(cache)),
        statistics(options.folder + "/statistics", storage),
        scalings(options.folder, storage),
        own(options.folder + "/own", storage),
        personal(options.folder, storage),
        queue(options.max_queued) {}

  // On the connection's thread.
  void OnOffer(const wire::TaskOffer& offer);
  // On the worker's, between tasks or between the steps of one. False when there is no such work.
  bool DoControl();
  void Do(const wire::JobNotice& notice);
  void Do(const wire::Outcome& outcome);
  void Do(const wire::JobEnded& ended);
  void DoTask(CurrentTask& current);
  // While a dataset is read for an admission: the tasks that wait meanwhile are alive. False after
  // Stop.
  bool KeepAlive();
  std::shared_ptr<Uplink> CurrentUplink() const {
    MutexLock lock(mutex);
    return uplink;
  }
  void Send(const wire::SiteMessage& message) const {
    if (const std::shared_ptr<Uplink> line = CurrentUplink()) line->Send(message);
  }

  // Kept to be done again once the disk works, and said so.
  void WaitForDisk(const absl::Status& fault, ControlWork work);

  const Options options;
  uint64_t process = 0;  // random: this start of the client
  DiskHealth disk;
  JobTable jobs;
  StateCache states;
  StatisticsCache statistics;
  SiteScalings scalings;
  OwnVectors own;
  PersonalModels personal;
  TaskQueue queue;
  std::unique_ptr<SiteStore> store;
  std::unique_ptr<CheckpointStore> checkpoints;
  std::unique_ptr<TaskRunner> runner;
  std::unique_ptr<Settling> settling;
  std::unique_ptr<Admission> admission;
  DatasetSource* datasets = nullptr;
  const Clock* clock = nullptr;
  SiteHalf site_half;
  Instant next_beat{};  // the worker's
  mutable Mutex mutex;
  std::shared_ptr<Uplink> uplink ABSL_GUARDED_BY(mutex);
};

absl::StatusOr<std::unique_ptr<SiteSession>> SiteSession::Create(Options options, Ground ground) {
  auto& [storage, datasets, policy, clock, site_half, parse] = ground;
  CN_ASSIGN_OR_RETURN(auto store, SiteStore::Open({.folder = options.folder}, storage));
  CN_ASSIGN_OR_RETURN(StateCache cache, StateCache::Open(options.folder + "/states", storage,
                                                         options.most_cached_bytes));
  auto parts = std::make_unique<Parts>(std::move(options), storage, std::move(cache));
  Parts* const p = parts.get();
  crypto::FillRandom(std::as_writable_bytes(std::span(&p->process, 1)));
  CN_RETURN_IF_ERROR(p->jobs.Load());
  p->store = std::move(store);
  CN_ASSIGN_OR_RETURN(p->checkpoints,
                      CheckpointStore::Open({.folder = p->options.folder + "/checkpoints",
                                             .version = p->options.version,
                                             .kernel = p->options.kernel,
                                             .interval = p->options.checkpoint_interval},
                                            storage, clock));
  p->datasets = &datasets;
  p->clock = &clock;
  p->site_half = std::move(site_half);
  p->runner = std::make_unique<TaskRunner>(
      TaskRunner::Room{p->options.site, *p->store, p->states, p->statistics, p->scalings, p->own,
                       p->personal, *p->checkpoints, datasets, policy, clock, p->site_half,
                       p->options.kernel},
      Line{[p] { return p->CurrentUplink(); },
           [p](const wire::SiteMessage& message) { p->Send(message); },
           [p] {
             while (p->DoControl()) {
             }
           }});
  p->admission = std::make_unique<Admission>(
      Admission::Room{p->jobs, datasets, policy, p->options.kernel, std::move(parse)});
  p->settling = std::make_unique<Settling>(
      Settling::Room{*p->store, p->own, p->personal, *p->checkpoints, p->jobs, clock,
                     [p](const wire::Outcome& outcome) {
                       p->disk.Note(absl::OkStatus());
                       p->Send(wire::OutcomeAck{outcome.job, outcome.step});
                     }});
  return std::unique_ptr<SiteSession>(new SiteSession(std::move(parts)));
}

SiteSession::SiteSession(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SiteSession::~SiteSession() = default;

wire::Hello SiteSession::MakeHello() const {
  wire::Hello hello;
  hello.version = parts_->options.version;
  hello.capabilities = {"fedavg", "statistics", "evaluation", std::string(wire::kStateInOffer)};
  if (!parts_->options.kernel.empty()) {
    hello.capabilities.push_back("kernel=" + parts_->options.kernel);
  }
  hello.datasets = parts_->datasets->Names();
  hello.store_id = parts_->store->store_id();
  hello.held = parts_->store->Held();
  hello.process = parts_->process;
  return hello;
}

absl::Status SiteSession::disk() const { return parts_->disk.status(); }

void SiteSession::OnWelcome(const wire::Welcome& welcome, std::shared_ptr<Uplink> uplink) {
  {
    MutexLock lock(parts_->mutex);
    parts_->uplink = std::move(uplink);
  }
  Log(Level::kInfo, "attending",
      {{"epoch", welcome.epoch.value()},
       {"federation", welcome.federation},
       {"server_version", welcome.version}});
  parts_->queue.OnConnected();
}

void SiteSession::OnDisconnected() {
  MutexLock lock(parts_->mutex);
  parts_->uplink.reset();
}

void SiteSession::OnMessage(const wire::ServerMessage& message) {
  if (const auto* offer = std::get_if<wire::TaskOffer>(&message)) {
    parts_->OnOffer(*offer);
  } else if (const auto* cancel = std::get_if<wire::CancelTask>(&message)) {
    parts_->queue.Cancel(cancel->job, cancel->step);
  } else if (const auto* outcome = std::get_if<wire::Outcome>(&message)) {
    parts_->queue.Cancel(outcome->job, outcome->step);
    // When there is no room it is heard again at the next Attend: it was not acknowledged.
    parts_->queue.AddControl(*outcome);
  } else if (const auto* ended = std::get_if<wire::JobEnded>(&message)) {
    parts_->queue.CancelJob(ended->job);
    parts_->queue.AddControl(*ended);
  } else if (const auto* notice = std::get_if<wire::JobNotice>(&message)) {
    if (parts_->queue.AddControl(*notice)) return;
    parts_->Send(RefusedFor(notice->job, Error(ErrorCode::kOverloaded, "too much work is queued")));
  }
}

void SiteSession::Parts::OnOffer(const wire::TaskOffer& offer) {
  if (const auto refuse = admission->Decide(offer)) {
    Log(Level::kWarning, "task refused",
        {{"job", offer.job.value()}, {"step", offer.step.value()}, {"rule", refuse->rule}});
    return Send(wire::TaskRefused{offer.job, offer.step, refuse->rule, refuse->message});
  }
  const TaskQueue::Added added = queue.Add(offer);
  if (added == TaskQueue::Added::kDraining) return;  // it comes again after the next start
  if (added == TaskQueue::Added::kFull) {
    return Send(wire::TaskRefused{offer.job, offer.step, CodeName(ErrorCode::kOverloaded),
                                  "too many tasks are queued"});
  }
  Send(wire::TaskAccepted{offer.job, offer.step});
}

bool SiteSession::Parts::DoControl() {
  const std::optional<ControlWork> control = queue.TakeControl(clock->Now());
  if (!control) return false;
  std::visit([this](const auto& work) { Do(work); }, *control);
  return true;
}

bool SiteSession::Parts::KeepAlive() {
  const Instant now = clock->Now();
  if (now >= next_beat) {
    Duration lease = kLongestBeat;
    for (const wire::TaskOffer& offer : queue.All()) {
      Send(wire::TaskProgress{offer.job, offer.step, "queued", 0, 0});
      lease = std::min(lease, offer.progress_lease / 4);
    }
    next_beat = now + lease;
  }
  return !queue.stopped();
}

void SiteSession::Parts::Do(const wire::JobNotice& notice) {
  const std::optional<Admission::Answer> answer =
      admission->Decide(notice, [this](uint64_t, uint64_t) { return KeepAlive(); });
  if (!answer) return;
  const wire::AdmissionReply& reply = answer->reply;
  if (answer->kept) disk.Note(*answer->kept);
  if (answer->kept && IsDiskFault(*answer->kept)) WaitForDisk(*answer->kept, notice);
  Log(Level::kInfo, "job admission",
      {{"job", notice.job.value()},
       {"verdict", wire::NameOf(reply.verdict)},
       {"rule", reply.rule}});
  Send(reply);
}

void SiteSession::Parts::WaitForDisk(const absl::Status& fault, ControlWork work) {
  disk.Note(fault);
  // Where there is no room for it the server says it again at the next connection.
  queue.AddControlLater(std::move(work), clock->Now() + kDiskRetry);
}

void SiteSession::Parts::Do(const wire::Outcome& outcome) {
  const absl::Status settled = settling->Settle(outcome);
  if (settled.ok()) return;
  if (IsDiskFault(settled)) {
    LogStatus(Level::kError, "outcome not recorded", settled, {{"job", outcome.job.value()}});
    return WaitForDisk(settled, outcome);
  }
  // Time mends nothing here: without an acknowledgement it is heard again at the next connection,
  // and taken up once more when its job ends.
  LogStatus(Level::kError, "outcome cannot be recorded: its update stays held", settled,
            {{"job", outcome.job.value()}, {"step", outcome.step.value()}});
}

void SiteSession::Parts::Do(const wire::JobEnded& ended) {
  const absl::Status done = settling->End(ended.job);
  if (IsDiskFault(done)) return WaitForDisk(done, ended);
  if (!done.ok()) LogStatus(Level::kError, "job not cleared", done, {{"job", ended.job.value()}});
}

void SiteSession::Parts::DoTask(CurrentTask& current) {
  const wire::TaskOffer& offer = current.task.offer;
  const std::shared_ptr<const KnownJob> job = jobs.Find(offer.job);
  if (job == nullptr) {
    Send(wire::TaskRefused{offer.job, offer.step, "unknown_job", "the job is known no longer"});
    return queue.End(false);
  }
  const TaskRunner::Result result = runner->Run(current, queue, *job);
  if (const auto* refused = std::get_if<TaskRunner::Refused>(&result)) {
    Send(wire::TaskRefused{offer.job, offer.step, refused->why.rule, refused->why.message});
    return queue.End(true);
  }
  const auto* failed = std::get_if<TaskRunner::Failed>(&result);
  if (failed == nullptr) {
    const bool delivered = std::holds_alternative<TaskRunner::Delivered>(result);
    if (delivered) disk.Note(absl::OkStatus());
    return queue.End(delivered);
  }
  if (failed->own_disk) {
    disk.Note(failed->why);
    Send(wire::TaskProgress{offer.job, offer.step, "disk", 0, 0});
  } else {
    LogStatus(Level::kWarning, "task failed", failed->why,
              {{"job", offer.job.value()}, {"step", offer.step.value()}});
  }
  const bool connected = CurrentUplink() != nullptr;
  if (failed->passing && queue.Retry(current, clock->Now(), connected, failed->patience)) {
    return;
  }
  Send(wire::TaskFailed{offer.job, offer.step, CodeTextOf(failed->why),
                        MessageForPeer(failed->why)});
  if (!failed->passing) queue.End(true);
}

bool SiteSession::RunOne() {
  if (parts_->DoControl()) return true;
  const std::shared_ptr<CurrentTask> current = parts_->queue.Take(parts_->clock->Now());
  if (current == nullptr) return false;
  parts_->DoTask(*current);
  return true;
}

void SiteSession::Run() {
  while (parts_->queue.WaitForWork()) {
    while (RunOne()) {
    }
  }
}

void SiteSession::Drain() { parts_->queue.Drain(); }

bool SiteSession::WaitIdle(Instant deadline) { return parts_->queue.WaitIdle(deadline); }

void SiteSession::Stop() { parts_->queue.Stop(); }

}  // namespace consilium::client::session
