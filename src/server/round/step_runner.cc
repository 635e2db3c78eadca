#include "server/round/step_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "server/round/inline_state.h"
#include "server/round/late_updates.h"
#include "server/round/rule_commit.h"

namespace consilium::server::round {
namespace {

constexpr Duration kFoldPause = std::chrono::seconds(10);  // after a fold that failed

// Whether stragglers of this step may count in a later round.
bool CarriesLate(const job::JobSpec& spec, const jobs::StepOpened& opened) {
  return spec.participation.late == job::Late::kNextRound &&
         opened.workload == wire::Workload::kTrain && opened.round.value() < spec.rounds;
}

RoundPlan PlanOf(const StepRunner::Start& start, const EngineWorld& world) {
  const job::ParticipationSpec& wanted = start.spec->participation;
  RoundPlan plan;
  plan.step = start.record.opened.step;
  plan.selected = start.record.opened.selected;
  plan.min_sites = wanted.min_sites;
  plan.required.insert(wanted.required_sites.begin(), wanted.required_sites.end());
  if (start.record.opened.workload == wire::Workload::kTrain) plan.goal = wanted.goal;
  plan.deadline = start.record.opened.deadline;
  plan.late_fill_goal = job::RowOf(start.spec->strategy.kind).has_buffer;
  plan.carry_late = CarriesLate(*start.spec, start.record.opened);
  plan.accept_lease = world.accept_lease;
  if (start.after_restart) plan.accept_lease += world.progress_lease;
  plan.progress_lease = world.progress_lease;
  return plan;
}

// The same state, job and sites would fail in the same way again.
bool IsHopeless(const absl::Status& status) {
  const std::optional<ErrorCode> code = CodeOf(status);
  return code == ErrorCode::kTrainingDiverged || code == ErrorCode::kSupportTooSmall ||
         code == ErrorCode::kModelMismatch || code == ErrorCode::kSumOverflow;
}

std::string TextOf(const absl::Status& status) {
  const std::optional<ErrorCode> code = CodeOf(status);
  return fmt::format("{}{}", code ? CodeName(*code) + ": " : "", std::string(status.message()));
}

}  // namespace

UpdateAccepted EventOf(const store::AcceptedUpdate& update) {
  return {update.key.site, update.digest, update.weight, update.bytes, update.kernel};
}

StepRunner::StepRunner(Start start, const EngineWorld& world, RoundPlan plan, Instant now)
    : spec_(std::move(start.spec)),
      record_(std::move(start.record)),
      world_(world),
      opened_(now),
      round_(std::move(plan)),
      inline_state_(InlineStateOf(world.stores.states, record_.opened.base_state,
                                  record_.opened.selected.size())) {}

absl::StatusOr<std::unique_ptr<StepRunner>> StepRunner::Open(Start start, const EngineWorld& world,
                                                             Instant now) {
  const jobs::StepOpened& opened = start.record.opened;
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout,
                      learn::ContributionLayout(*start.spec, opened.workload));
  std::vector<store::AcceptedUpdate> accepted;
  accepted.reserve(start.record.accepted.size());
  for (const auto& [site, update] : start.record.accepted) {
    accepted.push_back({update.key, update.digest, update.weight, update.bytes, update.kernel});
  }
  CN_ASSIGN_OR_RETURN(const std::vector<SiteId> lost,
                      world.stores.updates.OpenForUploads(
                          {opened.job, opened.step, opened.base_state, layout,
                           SumOptionsOf(*start.spec, opened.selected.size()),
                           start.spec->retain == job::Retain::kUpdates,
                           start.spec->durability == job::Durability::kRound ? store::Sync::kStep
                                                                             : store::Sync::kUpdate,
                           /*late=*/false, /*fold=*/!GoesByRule(*start.spec, opened.workload)},
                          opened.selected, accepted));
  RoundPlan plan = PlanOf(start, world);
  std::unique_ptr<StepRunner> runner(new StepRunner(std::move(start), world, std::move(plan), now));
  const std::set<SiteId> asked_again(lost.begin(), lost.end());
  for (const store::AcceptedUpdate& update : accepted) {
    if (asked_again.contains(update.key.site)) continue;
    runner->Apply(EventOf(update), now);
  }
  runner->Apply(round::Start{}, now);
  return runner;
}

void StepRunner::Queue(std::vector<Action> actions) {
  std::move(actions.begin(), actions.end(), std::back_inserter(actions_));
}

void StepRunner::Apply(const Event& event, Instant now) {
  const auto* cancel = std::get_if<Cancel>(&event);
  Queue(round_.Apply(event, now));
  const bool stuck = backoff_.until() && !actions_.empty() && !stepped_ &&
                     std::holds_alternative<Commit>(actions_.front());
  if (cancel != nullptr && stuck) {
    // The disk keeps this step from committing: a cancel need not wait for it.
    actions_.pop_front();
    backoff_.Reset();
    Queue(round_.Apply(CommitFailed{cancel->reason}, now));
  }
}

void StepRunner::CountAccepted(Instant now) {
  const jobs::StepOpened& opened = record_.opened;
  if (now >= opened_ + opened.deadline) {
    world_.stores.updates.CloseForUploads(opened.job, opened.step);
  }
  for (const store::AcceptedUpdate& update :
       world_.stores.updates.Accepted(opened.job, opened.step)) {
    Apply(EventOf(update), now);
  }
}

bool StepRunner::Work(Instant now) {
  if (round_.NextDeadline() && *round_.NextDeadline() <= now) {
    CountAccepted(now);
    Apply(Tick{}, now);
  }
  if (actions_.empty()) FoldSome(now);
  if (actions_.empty() || !backoff_.MayTry(now)) return false;
  while (!actions_.empty()) {
    const Action action = actions_.front();
    if (const absl::Status done = Perform(action, now); !done.ok()) {
      backoff_.Fail(done, now);
      LogStatus(Level::kWarning, "step waits for the disk", done,
                {{"job", record_.opened.job.value()}, {"step", step().value()}});
      return true;
    }
    backoff_.Reset();
    actions_.pop_front();
  }
  if (end_) Discard();
  return true;
}

void StepRunner::FoldSome(Instant now) {
  const jobs::StepOpened& opened = record_.opened;
  if (end_ || now < fold_again_ ||
      world_.stores.updates.DueForFold(opened.job, opened.step).empty()) {
    return;
  }
  CountAccepted(now);
  if (!actions_.empty()) return;  // it closes: the commit adds all that is left
  std::set<SiteId> counted;
  for (const auto& [site, report] : round_.sites()) {
    if (report.result == SiteResult::kCounted) counted.insert(site);
  }
  const auto folded = round::FoldSome(*spec_, opened, counted, world_.stores);
  if (folded.ok()) return;
  // Nothing is lost, and the commit does without.
  fold_again_ = now + kFoldPause;
  LogStatus(Level::kWarning, "updates are not folded yet", folded.status(),
            {{"job", opened.job.value()}, {"step", step().value()}});
}

absl::Status StepRunner::Perform(const Action& action, Instant now) {
  const jobs::StepOpened& opened = record_.opened;
  if (const auto* offer = std::get_if<Offer>(&action)) {
    SendOffer(*offer, now);
  } else if (const auto* withdraw = std::get_if<Withdraw>(&action)) {
    world_.federation.SendTo(withdraw->site,
                             wire::CancelTask{opened.job, opened.step, withdraw->reason});
  } else if (const auto* notify = std::get_if<Notify>(&action)) {
    world_.federation.SendTo(
        notify->site, wire::Outcome{opened.job, opened.step, notify->outcome, notify->reason});
    CN_CRASH_POINT("outcome.sent");
  } else if (const auto* commit = std::get_if<Commit>(&action)) {
    return PerformCommit(*commit, now);
  } else if (const auto* finished = std::get_if<Finished>(&action)) {
    return PerformFinished(*finished, now);
  }
  return absl::OkStatus();
}

void StepRunner::SendOffer(const Offer& offer, Instant now) {
  const jobs::StepOpened& opened = record_.opened;
  if (cohort_ == nullptr) cohort_ = std::make_shared<const std::vector<SiteId>>(opened.selected);
  const bool holds = world_.federation.IsCapable(offer.site, wire::kStateInOffer);
  const bool sent = world_.federation.SendTo(
      offer.site, wire::TaskOffer{opened.job, opened.step, opened.workload, opened.round,
                                  opened.base_state, offer.time_left, world_.progress_lease,
                                  cohort_, holds ? inline_state_ : nullptr});
  // It is asked when it attends, or its lease runs out.
  if (!sent) Queue(round_.Apply(SiteLeft{offer.site}, now));
}

// The updates of older rounds that this one ends.
std::vector<jobs::LateUpdateView> StepRunner::EndLate() const {
  const jobs::StepOpened& opened = record_.opened;
  if (opened.workload != wire::Workload::kTrain) return {};
  const jobs::LateSteps late = world_.history.LateOf(opened.job);
  if (late.empty()) return {};
  CloseLate(*spec_, opened, late, world_.stores.updates);
  const size_t room =
      SumOptionsOf(*spec_, opened.selected.size()).max_contributions - opened.selected.size();
  return EndedBy(*spec_, opened, late, room, world_.stores.updates);
}

// Durable now: their sites hear it.
void StepRunner::TellLate() {
  for (const jobs::LateUpdateView& late : stepped_->late) {
    world_.federation.SendTo(
        late.site, wire::Outcome{record_.opened.job, late.step,
                                 late.counted_weight > 0 ? wire::OutcomeKind::kLateCarried
                                                         : wire::OutcomeKind::kLateDropped,
                                 late.reason});
  }
}

absl::Status StepRunner::PerformCommit(const Commit& commit, Instant now) {
  const jobs::StepOpened& opened = record_.opened;
  if (!stepped_) {
    // Of what is counted nothing changes any more; the others may go on.
    if (CarriesLate(*spec_, opened)) {
      std::set<SiteId> late;
      for (const auto& [site, report] : round_.sites()) {
        if (report.carried) late.insert(site);
      }
      world_.stores.updates.CloseForAllBut(opened.job, opened.step, std::move(late));
    } else {
      world_.stores.updates.CloseForUploads(opened.job, opened.step);
    }
    auto stepped = CommitStep(*spec_, opened, commit.counted, EndLate(), world_.stores);
    if (IsStorageTrouble(stepped.status())) return stepped.status();
    if (!stepped.ok()) {
      end_ = IsHopeless(stepped.status()) ? StepEnd::kHopeless : StepEnd::kFailed;
      Queue(round_.Apply(CommitFailed{TextOf(stepped.status())}, now));
      return absl::OkStatus();
    }
    stepped_ = *std::move(stepped);
  }
  const std::vector<jobs::JobRecord> records = {
      jobs::StepClosed{opened.job, Report(now)},
      jobs::StepCommitted{opened.job, opened.step, stepped_->state, stepped_->accumulator}};
  CN_RETURN_IF_ERROR(world_.journal.Write(records));
  CN_CRASH_POINT("step.committed");
  world_.retention.OnCommitted(opened.job, std::get<jobs::StepClosed>(records[0]).report);
  stepped_->held.reset();
  TellLate();
  Queue(round_.Apply(Committed{stepped_->state}, now));
  return absl::OkStatus();
}

absl::Status StepRunner::PerformFinished(const Finished& finished, Instant now) {
  const jobs::StepOpened& opened = record_.opened;
  if (!finished.committed) {
    world_.stores.updates.CloseForUploads(opened.job, opened.step);
    failure_ = finished.reason;
    const std::vector<jobs::JobRecord> records = {
        jobs::StepClosed{opened.job, Report(now)},
        jobs::StepFailed{opened.job, opened.step, finished.reason}};
    CN_RETURN_IF_ERROR(world_.journal.Write(records));
    CN_CRASH_POINT("step.failed");
  }
  if (!end_) end_ = finished.committed ? StepEnd::kCommitted : StepEnd::kTooFew;
  Log(finished.committed ? Level::kInfo : Level::kWarning,
      finished.committed ? "step committed" : "step failed",
      {{"job", opened.job.value()},
       {"step", opened.step.value()},
       {"workload", wire::NameOf(opened.workload)},
       {"round", opened.round.value()},
       {"counted", round_.counted()},
       {"selected", opened.selected.size()},
       {"seconds", std::chrono::duration<double>(now - opened_).count()},
       {"reason", finished.reason}});
  return absl::OkStatus();
}

void StepRunner::Discard() {
  const jobs::StepOpened& opened = record_.opened;
  const bool keep = end_ == StepEnd::kCommitted && spec_->retain == job::Retain::kUpdates;
  const jobs::LateSteps late = world_.history.LateOf(opened.job);
  std::set<StepNumber> steps = {opened.step};
  if (stepped_) {
    for (const jobs::LateUpdateView& ended : stepped_->late) steps.insert(ended.step);
  }
  for (const StepNumber of : steps) {
    store::UpdateStore& updates = world_.stores.updates;
    const auto waits = late.find(of);
    std::set<SiteId> sites;
    if (waits != late.end()) {
      for (const auto& [site, update] : waits->second.sites) sites.insert(site);
    }
    const absl::Status gone =
        sites.empty()
            ? updates.Discard(opened.job, of, keep ? store::Spools::kStay : store::Spools::kGo)
            : updates.KeepLate(opened.job, of, sites);
    if (!gone.ok()) {
      LogStatus(Level::kWarning, "spools of a closed step stay", gone,
                {{"job", opened.job.value()}, {"step", of.value()}});
    }
  }
  CN_CRASH_POINT("spools.discarded");
}

std::optional<Instant> StepRunner::NextDeadline() const {
  const std::optional<Instant> round = round_.NextDeadline();
  const std::optional<Instant> retry = backoff_.until();
  if (!actions_.empty()) return retry ? retry : opened_;
  return round;
}

std::optional<StepEnd> StepRunner::end() const { return actions_.empty() ? end_ : std::nullopt; }

Digest StepRunner::NextState() const {
  CN_CHECK(end_ == StepEnd::kCommitted && stepped_.has_value());
  return stepped_->state;
}

}  // namespace consilium::server::round
