#include "client/session/site_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "client/session/disk_health.h"
#include "client/session/job_table.h"
#include "client/session/own_vectors.h"
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

std::string_view TextOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

std::string CodeTextOf(const absl::Status& status) {
  return CodeName(CodeOf(status).value_or(ErrorCode::kInternal));
}

// What a peer may read of a fault: of our own files and of what has no code only the title.
std::string MessageForPeer(const absl::Status& status) {
  const ErrorCode code = CodeOf(status).value_or(ErrorCode::kInternal);
  const int range = static_cast<int>(code) / 100;
  const bool internal = range == 1 || range == 3 || range == 8;
  return std::string(internal ? RowOf(code).title : TextOf(status)).substr(0, wire::kMaxTextBytes);
}

wire::AdmissionReply RefusedBy(const JobId& job, const policy::Refuse& refuse) {
  return {job, wire::Verdict::kRefused, refuse.rule, refuse.message};
}

wire::AdmissionReply RefusedFor(const JobId& job, const absl::Status& status) {
  return {job, wire::Verdict::kRefused, CodeTextOf(status), MessageForPeer(status)};
}

}  // namespace

struct SiteSession::Parts {
  Parts(Options the_options, Storage& storage, StateCache cache)
      : options(std::move(the_options)),
        jobs(options.folder + "/jobs", storage, options.max_jobs),
        states(std::move(cache)),
        statistics(options.folder + "/statistics", storage),
        scalings(options.folder, storage),
        own(options.folder + "/own", storage),
        queue(options.max_queued) {}

  // On the connection's thread.
  void OnOffer(const wire::TaskOffer& offer);
  // On the worker's, between tasks or between the steps of one. False when there is no such work.
  bool DoControl();
  void Do(const wire::JobNotice& notice);
  void Do(const wire::Outcome& outcome);
  void Do(const wire::JobEnded& ended);
  void DoTask(CurrentTask& current);
  absl::Status Settle(const wire::Outcome& outcome);
  // Outcomes that the disk refused, of one job or of all. What it refuses again stays.
  absl::Status SettleAgain(const JobId& job);
  // nullopt: stopped before it was known; it is noticed again.
  std::optional<wire::AdmissionReply> Admit(const wire::JobNotice& notice);
  // While a dataset is read for an admission: the tasks that wait meanwhile are alive. False after
  // Stop.
  bool KeepAlive();
  // nullopt = allowed.
  std::optional<policy::Refuse> DecideOffer(const wire::TaskOffer& offer);
  // The policy, and whether this site can run what the job pins. nullopt = allowed.
  std::optional<policy::Refuse> Decide(const policy::PolicyQuestion& question,
                                       const policy::PolicyFacts& facts) const;

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
  TaskQueue queue;
  std::unique_ptr<SiteStore> store;
  std::unique_ptr<CheckpointStore> checkpoints;
  std::unique_ptr<TaskRunner> runner;
  DatasetSource* datasets = nullptr;
  const policy::Policy* policy = nullptr;
  const Clock* clock = nullptr;
  SiteHalf site_half;
  JobParser parse;
  Instant next_beat{};                   // the worker's
  std::vector<wire::Outcome> unsettled;  // of held updates: at most wire::kMaxHeldUpdates
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
  p->policy = &policy;
  p->clock = &clock;
  p->site_half = std::move(site_half);
  p->parse = std::move(parse);
  p->runner = std::make_unique<TaskRunner>(
      TaskRunner::Room{p->options.site, *p->store, p->states, p->statistics, p->scalings, p->own,
                       *p->checkpoints, datasets, policy, clock, p->site_half, p->options.kernel},
      Line{[p] { return p->CurrentUplink(); },
           [p](const wire::SiteMessage& message) { p->Send(message); },
           [p] {
             while (p->DoControl()) {
             }
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

std::optional<policy::Refuse> SiteSession::Parts::Decide(const policy::PolicyQuestion& question,
                                                         const policy::PolicyFacts& facts) const {
  const policy::Decision decision = policy->Decide(question, facts);
  if (const auto* refuse = std::get_if<policy::Refuse>(&decision)) return *refuse;
  const std::string& pinned = question.job->train.kernel;
  if (pinned.empty() || pinned == options.kernel) return std::nullopt;
  return policy::Refuse{"kernel", fmt::format("the job pins the training kernel `{}`, this site "
                                              "has `{}`",
                                              pinned, options.kernel)};
}

std::optional<policy::Refuse> SiteSession::Parts::DecideOffer(const wire::TaskOffer& offer) {
  const std::shared_ptr<const KnownJob> job = jobs.Find(offer.job);
  if (job == nullptr) return policy::Refuse{"unknown_job", "this site has not admitted the job"};
  if (auto refuse = Decide({job->spec.get(), job->researcher, offer.workload},
                           {.training_rows = job->training_rows})) {
    return refuse;
  }
  if (!IsStepOf(*job->spec, offer.workload, offer.round)) {
    return policy::Refuse{"plan", fmt::format("{} of round {} is not a step of the job",
                                              wire::NameOf(offer.workload), offer.round.value())};
  }
  return std::nullopt;
}

void SiteSession::Parts::OnOffer(const wire::TaskOffer& offer) {
  if (const auto refuse = DecideOffer(offer)) {
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

std::optional<wire::AdmissionReply> SiteSession::Parts::Admit(const wire::JobNotice& notice) {
  if (const std::shared_ptr<const KnownJob> known = jobs.Find(notice.job)) {
    // Noticed again after a reconnect: the policy is asked again, the data is not read again.
    const auto refuse = Decide({known->spec.get(), known->researcher, std::nullopt},
                               {.training_rows = known->training_rows});
    if (refuse) return RefusedBy(notice.job, *refuse);
    return wire::AdmissionReply{notice.job, wire::Verdict::kAdmitted, "", ""};
  }
  const auto read = ReadNotice(notice, parse);
  if (!read.ok()) return RefusedFor(notice.job, read.status());
  const std::shared_ptr<const job::JobSpec>& spec = *read;
  // First without the data: a dataset that may not be used is not even read.
  const policy::PolicyQuestion question{spec.get(), notice.researcher, std::nullopt};
  if (const auto refuse = Decide(question, {})) return RefusedBy(notice.job, *refuse);
  const auto dataset = datasets->Load(*spec, [this](uint64_t, uint64_t) { return KeepAlive(); });
  if (absl::IsCancelled(dataset.status())) return std::nullopt;
  if (!dataset.ok()) {
    LogStatus(Level::kError, "dataset cannot be used", dataset.status(),
              {{"job", notice.job.value()}});
    return RefusedFor(notice.job, dataset.status());
  }
  const uint64_t rows = (*dataset)->train.rows();
  if (const auto refuse = Decide(question, {.training_rows = rows})) {
    return RefusedBy(notice.job, *refuse);
  }
  const absl::Status kept = jobs.Add(notice, {spec, notice.researcher, rows});
  disk.Note(kept);
  if (IsDiskFault(kept)) {
    WaitForDisk(kept, notice);
    return wire::AdmissionReply{notice.job, wire::Verdict::kPending, CodeTextOf(kept),
                                "the site waits for its own disk"};
  }
  if (!kept.ok()) return RefusedFor(notice.job, kept);
  return wire::AdmissionReply{notice.job, wire::Verdict::kAdmitted, "", ""};
}

void SiteSession::Parts::Do(const wire::JobNotice& notice) {
  const std::optional<wire::AdmissionReply> reply = Admit(notice);
  if (!reply) return;
  Log(Level::kInfo, "job admission",
      {{"job", notice.job.value()},
       {"verdict", wire::NameOf(reply->verdict)},
       {"rule", reply->rule}});
  Send(*reply);
}

void SiteSession::Parts::WaitForDisk(const absl::Status& fault, ControlWork work) {
  disk.Note(fault);
  // Where there is no room for it the server says it again at the next connection.
  queue.AddControlLater(std::move(work), clock->Now() + kDiskRetry);
}

absl::Status SiteSession::Parts::Settle(const wire::Outcome& outcome) {
  // Before the outcome is on record: after that nobody says it again.
  if (outcome.kind == wire::OutcomeKind::kCounted) {
    CN_RETURN_IF_ERROR(own.Advance(outcome.job, outcome.step));
  } else if (outcome.kind != wire::OutcomeKind::kLateCarried) {
    CN_RETURN_IF_ERROR(own.Drop(outcome.job, outcome.step));
  }
  CN_RETURN_IF_ERROR(store->Settle(outcome, clock->UtcNow()));
  disk.Note(absl::OkStatus());
  if (const absl::Status removed = checkpoints->Remove(outcome.job, outcome.step); !removed.ok()) {
    LogStatus(Level::kWarning, "checkpoint not removed", removed);
  }
  Send(wire::OutcomeAck{outcome.job, outcome.step});
  return absl::OkStatus();
}

void SiteSession::Parts::Do(const wire::Outcome& outcome) {
  const auto same = [&outcome](const wire::Outcome& other) {
    return other.job == outcome.job && other.step == outcome.step;
  };
  const absl::Status settled = Settle(outcome);
  if (settled.ok()) {
    std::erase_if(unsettled, same);
    return;
  }
  // Nobody says it again before the next Attend, and its job may end before that.
  if (std::ranges::none_of(unsettled, same)) unsettled.push_back(outcome);
  if (IsDiskFault(settled)) {
    LogStatus(Level::kError, "outcome not recorded", settled, {{"job", outcome.job.value()}});
    return WaitForDisk(settled, outcome);
  }
  // Time mends nothing here: without an acknowledgement it is heard again at the next connection,
  // and taken up once more when its job ends.
  LogStatus(Level::kError, "outcome cannot be recorded: its update stays held", settled,
            {{"job", outcome.job.value()}, {"step", outcome.step.value()}});
}

absl::Status SiteSession::Parts::SettleAgain(const JobId& job) {
  absl::Status all = absl::OkStatus();
  std::erase_if(unsettled, [&](const wire::Outcome& outcome) {
    if (outcome.job != job) return false;
    const absl::Status settled = Settle(outcome);
    all.Update(settled);
    return settled.ok();
  });
  return all;
}

void SiteSession::Parts::Do(const wire::JobEnded& ended) {
  absl::Status done = SettleAgain(ended.job);  // what has an outcome is not forgotten without it
  if (done.ok()) done = store->ForgetJob(ended.job, clock->UtcNow());
  if (done.ok()) done = checkpoints->RemoveJob(ended.job);
  if (done.ok()) done = own.RemoveJob(ended.job);
  if (done.ok()) done = jobs.Remove(ended.job);
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
