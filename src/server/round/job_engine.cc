#include "server/round/job_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "server/round/cohort.h"
#include "server/round/next_state.h"

namespace consilium::server::round {
namespace {

// How long a job that fails on too few sites waits for them to connect.
constexpr Duration kConnectGrace = std::chrono::seconds(5);

// How old the times in a running job's texts may be.
constexpr Duration kRefresh = std::chrono::seconds(1);
// And how old those that watchers see, while nothing happens.
constexpr Duration kTellAgain = std::chrono::seconds(5);

std::string Coded(ErrorCode code, const std::string& text) {
  return fmt::format("{}: {}", CodeName(code), text);
}

}  // namespace

JobEngine::JobEngine(JobId job, const EngineWorld& world, std::function<void()> on_ended)
    : job_(std::move(job)),
      world_(world),
      on_ended_(std::move(on_ended)),
      events_(kMaxEngineEvents) {}

void JobEngine::Post(EngineEvent event) {
  if (!events_.TryPush(std::move(event))) events_lost_ = true;
}

void JobEngine::Stop() {
  stopped_ = true;
  events_.Close();
}

void JobEngine::Run() {
  paced_ = true;
  while (!stopped_ && !ended_) {
    if (Pump()) continue;
    const Instant now = world_.clock.Now();
    Instant due = std::min(NextDeadline().value_or(now + kRefresh), now + kRefresh);
    if (unpublished_) due = std::min(due, published_ + kPublishPause);
    std::optional<EngineEvent> event = events_.PopUntil(due);
    const Instant then = world_.clock.Now();
    if (!event) {
      if (!ended_ && !stopped_) Publish(then, unpublished_ || then - told_ >= kTellAgain);
      continue;
    }
    std::visit([this, then](const auto& e) { Handle(e, then); }, *event);
    if (!stopped_) PublishSoon(then);
  }
}

bool JobEngine::Pump() {
  if (stopped_ || ended_) return false;
  const Instant now = world_.clock.Now();
  bool any = DrainEvents(now);
  any = Begin(now) || any;
  any = WorkOnStep(now) || any;
  any = Advance(now) || any;
  // What the disk refuses to a site is nobody's event.
  if ((any || RefusedByDisk() != refused_) && !ended_) PublishSoon(now);
  return any;
}

std::optional<Instant> JobEngine::NextDeadline() const {
  if (ended_ || stopped_) return std::nullopt;
  if (backoff_.until()) return backoff_.until();
  if (step_ != nullptr) return step_->NextDeadline();
  return look_again_;
}

// ---- events

bool JobEngine::DrainEvents(Instant now) {
  bool any = false;
  // At most what was there: a flood of events does not keep the step from its deadline.
  for (size_t left = events_.size(); left > 0; --left) {
    const std::optional<EngineEvent> event = events_.TryPop();
    if (!event) break;
    std::visit([this, now](const auto& e) { Handle(e, now); }, *event);
    any = true;
  }
  if (events_lost_.exchange(false)) ReadAgain(now);
  return any;
}

void JobEngine::Handle(const StepEvent& event, Instant now) {
  if (step_ != nullptr && step_->step() == event.step) return step_->Apply(event.event, now);
  HearLate(event, now);
  TellLateHere(now);
}

void JobEngine::Handle(const CancelAsked&, Instant now) {
  if (cancelled_ || !loaded_) return;  // Load reads it from the journal
  const auto standing = world_.history.StandingOf(job_);
  if (!standing.ok() || standing->cancelled_by.empty()) return;
  standing_.cancelled_by = standing->cancelled_by;
  cancelled_ = true;
  if (step_ != nullptr) {
    step_->Apply(Cancel{CancelReason()}, now);
  }
}

std::string JobEngine::CancelReason() const {
  return fmt::format("the job was cancelled by {}", standing_.cancelled_by);
}

// ---- the life of the job

bool JobEngine::Begin(Instant now) {
  if (loaded_ || ending_ || !backoff_.MayTry(now)) return false;
  if (const absl::Status loaded = Load(now); !loaded.ok()) {
    Trouble(loaded, now);
    return true;
  }
  backoff_.Reset();
  loaded_ = true;
  const bool had_begun = standing_.last_step > StepNumber(0) || !standing_.admissions.empty();
  if (had_begun) Note(jobs::Setback::kServerRestarted, SiteId());
  for (const registry::SiteStatus& site : world_.federation.Sites()) {
    if (site.connected) Handle(Attended{site.site}, now);
  }
  return true;
}

absl::Status JobEngine::Load(Instant now) {
  CN_ASSIGN_OR_RETURN(standing_, world_.history.StandingOf(job_));
  const job::JobSpec& spec = *standing_.spec;
  cancelled_ = !standing_.cancelled_by.empty();
  after_restart_ = standing_.open.has_value();
  for (const jobs::AdmissionView& known : standing_.admissions) {
    candidates_[known.site] = Candidate{false, now, known.verdict, known.rule, known.message};
  }
  const bool spools_may_stay = !standing_.open && standing_.last_step > StepNumber(0) &&
                               !standing_.late.contains(standing_.last_step) &&
                               spec.retain == job::Retain::kRound;
  if (spools_may_stay) {
    // The crash may have come between the commit and this.
    CN_RETURN_IF_ERROR(world_.stores.updates.Discard(job_, standing_.last_step));
  }
  CN_RETURN_IF_ERROR(OpenLate(now));
  store::StateStore& states = world_.stores.states;
  if (standing_.commits > 0) {
    state_ = standing_.state;
    return states.Verify(state_);
  }
  CN_ASSIGN_OR_RETURN(const store::StateStore::Hold held, PutFirstState(spec, states));
  state_ = held.digest();
  world_.retention.OnStarted(job_, state_);
  return absl::OkStatus();
}

bool JobEngine::WorkOnStep(Instant now) {
  if (step_ == nullptr) return false;
  const bool worked = step_->Work(now);
  if (!step_->end()) {
    status_ = step_->trouble().empty() ? jobs::JobStatus::kRunning : jobs::JobStatus::kWaiting;
    return worked;
  }
  AfterStep(now);
  return true;
}

void JobEngine::AfterStep(Instant now) {
  const std::unique_ptr<StepRunner> step = std::move(step_);
  status_ = jobs::JobStatus::kRunning;
  if (step->end() == StepEnd::kCommitted) {
    state_ = step->NextState();
    ++standing_.commits;
    NoteLate(step->step(), now);
    return;
  }
  ++standing_.failed;
  standing_.last_failure = step->failure();
  if (cancelled_) return;
  const bool fails = step->end() == StepEnd::kHopeless ||
                     (step->end() == StepEnd::kTooFew &&
                      standing_.spec->participation.on_too_few == job::OnTooFew::kFail);
  if (fails) End(jobs::JobStatus::kFailed, step->failure(), now);
}

bool JobEngine::Advance(Instant now) {
  if (ending_ && backoff_.MayTry(now)) {
    WriteEnd(now);
    return true;
  }
  if (!loaded_ || ended_ || ending_ || step_ != nullptr || !backoff_.MayTry(now)) return false;
  if (standing_.open) {
    const absl::Status opened = OpenRecorded(now);
    if (opened.ok()) {
      backoff_.Reset();
    } else {
      Trouble(opened, now);
    }
    return true;
  }
  if (EndIfOver(now)) return true;
  return Select(now);
}

bool JobEngine::EndIfOver(Instant now) {
  const uint32_t most = standing_.spec->participation.max_failed_rounds;
  if (cancelled_) {
    End(jobs::JobStatus::kCancelled, "cancelled by " + standing_.cancelled_by, now);
  } else if (!job::StepAfter(*standing_.spec, standing_.commits)) {
    End(jobs::JobStatus::kDone, "", now);
  } else if (standing_.failed > most) {
    End(jobs::JobStatus::kFailed,
        Coded(ErrorCode::kTooManyFailedRounds,
              fmt::format("{} rounds failed, max_failed_rounds={}; the last: {}", standing_.failed,
                          most, standing_.last_failure)),
        now);
  } else {
    return false;
  }
  return true;
}

bool JobEngine::Select(Instant now) {
  const auto before = std::pair(status_, look_again_);
  Selection selection =
      SelectSites(standing_.spec->participation, candidates_, world_.accept_lease, now);
  if (auto* selected = std::get_if<Selected>(&selection)) {
    if (LeaveOutLate(selected->sites, now)) {
      OpenNext(std::move(selected->sites), now);
      return true;
    }
    backoff_.Reset();
    return before != std::pair(status_, look_again_);
  }
  backoff_.Reset();  // it waits for sites, not for the disk
  if (const auto* await = std::get_if<AwaitAnswers>(&selection)) {
    status_ = jobs::JobStatus::kRunning;
    wait_ = {"answers", "waiting for " + await->reason, await->sites, Duration(0), std::nullopt};
    look_again_ = await->until;
    too_few_since_.reset();
  } else {
    WaitForSites(std::get<TooFew>(selection), now);
  }
  return ending_.has_value() || before != std::pair(status_, look_again_);
}

void JobEngine::WaitForSites(const TooFew& too_few, Instant now) {
  if (!too_few_since_) too_few_since_ = now;
  status_ = jobs::JobStatus::kWaiting;
  wait_ = {"quorum", too_few.reason, too_few.missing, Duration(0), std::nullopt};
  look_again_.reset();
  if (standing_.spec->participation.on_too_few == job::OnTooFew::kWait) return;
  // They may be about to connect, after a restart or a break.
  look_again_ = *too_few_since_ + std::min(world_.accept_lease, kConnectGrace);
  if (now < *look_again_) return;
  End(jobs::JobStatus::kFailed, Coded(ErrorCode::kTooFewSites, too_few.reason), now);
}

void JobEngine::OpenNext(std::vector<SiteId> sites, Instant now) {
  const job::JobSpec& spec = *standing_.spec;
  const job::StepKind kind = *job::StepAfter(spec, standing_.commits);
  const StepNumber next = standing_.last_step.Next();
  if (kind.workload == wire::Workload::kTrain) {
    sites = DrawCohort(spec.participation, sites, CohortKey(spec, next));
  }
  look_again_.reset();
  too_few_since_.reset();
  status_ = jobs::JobStatus::kRunning;
  const jobs::StepOpened opened{job_,
                                next,
                                kind.workload,
                                kind.round,
                                state_,
                                spec.participation.round_deadline,
                                std::move(sites)};
  absl::Status done = world_.journal.Write(opened);
  if (done.ok()) {
    CN_CRASH_POINT("step.opened");
    standing_.last_step = opened.step;
    standing_.open = jobs::OpenStepRecord{opened, {}};
    done = OpenRecorded(now);
  }
  if (!done.ok()) {
    Trouble(done, now);
    return;
  }
  backoff_.Reset();
}

absl::Status JobEngine::OpenRecorded(Instant now) {
  CN_ASSIGN_OR_RETURN(
      step_, StepRunner::Open({standing_.spec, *standing_.open, after_restart_}, world_, now));
  standing_.open.reset();
  after_restart_ = false;
  wait_ = {};
  if (cancelled_) step_->Apply(Cancel{CancelReason()}, now);
  TellLateHere(now);
  step_->Work(now);
  return absl::OkStatus();
}

void JobEngine::Trouble(const absl::Status& why, Instant now) {
  if (!IsStorageTrouble(why)) {
    const std::optional<ErrorCode> code = CodeOf(why);
    End(jobs::JobStatus::kFailed,
        Coded(code.value_or(ErrorCode::kInternal), std::string(why.message())), now);
    return;
  }
  backoff_.Fail(why, now);
  status_ = jobs::JobStatus::kWaiting;
  LogStatus(Level::kWarning, "job waits for the disk", why, {{"job", job_.value()}});
}

void JobEngine::End(jobs::JobStatus status, std::string reason, Instant now) {
  ending_ = jobs::JobEnded{job_, status, std::move(reason), world_.clock.UtcNow()};
  WriteEnd(now);
}

void JobEngine::WriteEnd(Instant now) {
  const jobs::LateSteps late = world_.history.LateOf(job_);
  for (const auto& [step, of_step] : late) {
    const bool keep = standing_.spec->retain == job::Retain::kUpdates;
    const absl::Status gone =
        world_.stores.updates.Discard(job_, step, keep ? store::Spools::kStay : store::Spools::kGo);
    if (!gone.ok()) LogStatus(Level::kWarning, "late updates of an ended job stay", gone);
  }
  if (const absl::Status gone = world_.stores.updates.EndJob(job_); !gone.ok()) {
    LogStatus(Level::kWarning, "segments of an ended job stay", gone, {{"job", job_.value()}});
  }
  if (const absl::Status written = world_.journal.Write(*ending_); !written.ok()) {
    backoff_.Fail(written, now);
    status_ = jobs::JobStatus::kWaiting;
    return;
  }
  CN_CRASH_POINT("job.ended");
  Log(ending_->status == jobs::JobStatus::kFailed ? Level::kWarning : Level::kInfo, "job ended",
      {{"job", job_.value()},
       {"status", jobs::NameOf(ending_->status)},
       {"reason", ending_->reason}});
  TellDropped(late);
  for (const auto& [site, candidate] : candidates_) {
    if (!candidate.connected) continue;
    world_.federation.SendTo(site, wire::JobEnded{job_, jobs::NameOf(ending_->status)});
  }
  ended_ = true;
  on_ended_();
}

}  // namespace consilium::server::round
