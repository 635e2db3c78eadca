#include "client/session/task_runner.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/job/step_plan.h"
#include "common/learn/contribution.h"
#include "common/learn/model_file.h"
#include "common/learn/personal_layout.h"
#include "common/learn/strategy_layout.h"
#include "common/sum/exact_sum.h"
#include "common/wire/layout_codec.h"

namespace consilium::client::session {
namespace {

constexpr uint64_t kPercentPerMessage = 2;

// The network or the moment is to blame, not the task.
bool IsPassing(const absl::Status& status) {
  if (const auto code = CodeOf(status)) {
    return code == ErrorCode::kConnectionLost || code == ErrorCode::kCannotConnect ||
           code == ErrorCode::kTimedOut || code == ErrorCode::kOverloaded ||
           code == ErrorCode::kFenced || code == ErrorCode::kUpdateDigest;
  }
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsCancelled(status);
}

// Said by the server of its own disk: full or failing until its operator mends it. The update lies
// finished on this site's disk meanwhile.
bool IsServersDisk(const absl::Status& status) {
  const auto code = CodeOf(status);
  return code == ErrorCode::kStorageFull || code == ErrorCode::kStorageIo;
}

}  // namespace

bool IsStepOf(const job::JobSpec& spec, wire::Workload workload, RoundNumber round) {
  if (workload == wire::Workload::kTrain) return round.value() >= 1 && round.value() <= spec.rounds;
  if (round.value() != 0) return false;
  const uint32_t commits = job::CommitsOf(spec);
  for (uint32_t done = 0; done < commits; ++done) {
    const auto kind = job::StepAfter(spec, done);
    if (kind && kind->workload == workload) return true;
  }
  return false;
}

// Tells the server that the site is alive: at most once in kPercentPerMessage of a phase, and once
// in a quarter of the progress lease; for the tasks that wait behind this one as well.
class TaskRunner::Pulse {
 public:
  Pulse(const CurrentTask& current, const TaskQueue& queue, const Line& line, const Clock& clock)
      : current_(current), queue_(queue), line_(line), clock_(clock) {}

  // False when the task was cancelled.
  bool Beat(const char* phase, uint64_t done, uint64_t total) {
    const Instant now = clock_.Now();
    const uint64_t percent = total == 0 ? 0 : 100 * (done / total) + 100 * (done % total) / total;
    const bool due = phase != phase_ || percent >= percent_ + kPercentPerMessage ||
                     now - sent_ >= current_.task.offer.progress_lease / 4;
    if (due) {
      phase_ = phase;
      percent_ = percent;
      sent_ = now;
      Send(current_.task.offer, {phase, done, total});
      for (const wire::TaskOffer& offer : queue_.Waiting()) Send(offer, {"queued", 0, 0});
      line_.between();
    }
    return !current_.cancelled;
  }

 private:
  struct Reached {
    const char* phase;
    uint64_t done;
    uint64_t total;
  };
  void Send(const wire::TaskOffer& offer, const Reached& reached) {
    line_.send(
        wire::TaskProgress{offer.job, offer.step, reached.phase, reached.done, reached.total});
  }

  const CurrentTask& current_;
  const TaskQueue& queue_;
  const Line& line_;
  const Clock& clock_;
  const char* phase_ = nullptr;
  uint64_t percent_ = 0;
  Instant sent_{};
};

struct TaskRunner::Work {
  const CurrentTask& current;
  const wire::TaskOffer& offer;
  const KnownJob& job;
  Pulse pulse;
  std::optional<policy::Refuse> refusal;
  bool servers_disk = false;
};

TaskRunner::TaskRunner(Room room, Line line) : room_(std::move(room)), line_(std::move(line)) {}

TaskRunner::Result TaskRunner::Run(CurrentTask& current, const TaskQueue& queue,
                                   const KnownJob& job) {
  const wire::TaskOffer& offer = current.task.offer;
  Work work{current, offer, job, Pulse(current, queue, line_, room_.clock), std::nullopt, false};
  absl::StatusOr<LeftRecord> left = absl::NotFoundError("not held");
  if (const auto held = room_.store.FindHeld(offer.job, offer.step);
      held && held->base_state == offer.state) {
    left = *held;
  } else {
    left = IsParked(offer) ? Write(work, std::move(parked_->contribution)) : Make(work);
  }
  absl::Status status = left.status();
  // Its work is either safe in the update or of no use to a later attempt.
  if (left.ok() || !(IsPassing(left.status()) || IsDiskFault(left.status()))) {
    ForgetCheckpoint(offer);
  }
  if (status.ok()) status = Submit(work, *left);
  if (status.ok()) return Delivered{};
  if (current.cancelled) return Cancelled{};
  if (work.refusal) return Refused{*std::move(work.refusal)};
  if (work.servers_disk) return Failed{status, true, Patience::kDeadline};
  if (IsDiskFault(status)) return Failed{status, true, Patience::kDeadline, true};
  return Failed{status, IsPassing(status)};
}

bool TaskRunner::IsParked(const wire::TaskOffer& offer) const {
  return parked_ && parked_->job == offer.job && parked_->step == offer.step &&
         parked_->state == offer.state;
}

void TaskRunner::ForgetCheckpoint(const wire::TaskOffer& offer) {
  const absl::Status removed = room_.checkpoints.Remove(offer.job, offer.step);
  if (!removed.ok()) LogStatus(Level::kWarning, "checkpoint not removed", removed);
}

absl::StatusOr<LeftRecord> TaskRunner::Make(Work& work) {
  work.pulse.Beat("load", 0, 0);
  CN_ASSIGN_OR_RETURN(const auto dataset,
                      room_.datasets.Load(*work.job.spec, [&](uint64_t done, uint64_t all) {
                        return work.pulse.Beat("load", done, all);
                      }));
  const policy::Decision decision =
      room_.policy.Decide({work.job.spec.get(), work.job.researcher, work.offer.workload},
                          {.training_rows = dataset->train.rows()});
  if (const auto* refuse = std::get_if<policy::Refuse>(&decision)) {
    work.refusal = *refuse;
    return Error(ErrorCode::kPolicyRefused, refuse->message);
  }
  CN_ASSIGN_OR_RETURN(train::Contribution contribution, Compute(work, *dataset));
  const tensor::Layout& layout = contribution.values.layout();
  const policy::Decision release = room_.policy.DecideRelease(layout, contribution.support);
  if (const auto* refuse = std::get_if<policy::Refuse>(&release)) {
    work.refusal = *refuse;
    return Error(ErrorCode::kPolicyRefused, refuse->message);
  }
  if (contribution.weight < 1 || contribution.weight > sum::kMaxWeight) {
    return Error(ErrorCode::kUpdateWeight,
                 fmt::format("the update's weight is outside 1 to {}", sum::kMaxWeight));
  }
  CN_RETURN_IF_ERROR(sum::ValidateValues(layout, contribution.values.payload()));
  return Write(work, std::move(contribution));
}

absl::StatusOr<wire::StatePart> TaskRunner::StateOf(Work& work) {
  const std::shared_ptr<Uplink> uplink = line_.uplink();
  if (uplink == nullptr) return Error(ErrorCode::kConnectionLost, "not connected");
  if (work.offer.inline_state != nullptr) {
    auto state = ReadInlineState(work.offer.state, *work.offer.inline_state);
    if (state.ok()) return state;
    LogStatus(Level::kWarning, "the state in an offer is fetched instead", state.status(),
              {{"job", work.offer.job.value()}, {"step", work.offer.step.value()}});
  }
  return room_.states.Get(work.offer.state, *uplink, [&](uint64_t done, uint64_t all) {
    return work.pulse.Beat("fetch", done, all);
  });
}

absl::StatusOr<learn::AlignedVector<float>> TaskRunner::OwnVectorOf(const Work& work) {
  const wire::TaskOffer& offer = work.offer;
  if (!learn::NeedsOwnVector(*work.job.spec, offer.workload)) return learn::AlignedVector<float>();
  for (const StepNumber step : room_.own.Staged(offer.job)) {
    if (step == offer.step) continue;  // made again: the same
    if (room_.store.FindHeld(offer.job, step)) {
      return Error(ErrorCode::kOverloaded,
                   fmt::format("what became of the update of step {} is not known yet, and step {} "
                               "goes on from it",
                               step.value(), offer.step.value()));
    }
    CN_RETURN_IF_ERROR(room_.own.Drop(offer.job, step));  // its update never left
  }
  return room_.own.Find(offer.job);
}

absl::StatusOr<train::Contribution> TaskRunner::Compute(Work& work, const data::Dataset& dataset) {
  CN_ASSIGN_OR_RETURN(const wire::StatePart state, StateOf(work));
  const bool statistics = StatisticsCache::Covers(work.offer.workload);
  StatisticsQuestion question{dataset.digest, work.offer.workload, work.offer.state, {}};
  if (statistics) {
    CN_ASSIGN_OR_RETURN(question.layout,
                        learn::ContributionLayout(*work.job.spec, work.offer.workload));
    if (auto answer = room_.statistics.Find(question)) return *std::move(answer);
  }
  work.pulse.Beat("train", 0, 0);
  CN_ASSIGN_OR_RETURN(const learn::AlignedVector<float> own, OwnVectorOf(work));
  const auto checkpoints =
      work.offer.workload == wire::Workload::kTrain
          ? room_.checkpoints.SlotOf(
                {work.offer.job, work.offer.step, work.offer.state, dataset.digest, room_.site},
                [&] { return work.current.put_aside.load(); })
          : nullptr;
  CN_ASSIGN_OR_RETURN(
      train::Contribution contribution,
      room_.site_half(*work.job.spec,
                      {work.offer.workload, work.offer.round, room_.site, checkpoints.get(),
                       room_.policy.min_cell(), own, nullptr, &room_.clock},
                      state, dataset, [&](uint64_t done, uint64_t all) {
                        return work.pulse.Beat("train", done, all);
                      }));
  if (statistics) {
    CN_RETURN_IF_ERROR(room_.statistics.Keep(question, contribution));
    return contribution;
  }
  CN_RETURN_IF_ERROR(KeepForPredicting(work, state, dataset, contribution));
  return contribution;
}

absl::Status TaskRunner::KeepForPredicting(const Work& work, const wire::StatePart& state,
                                           const data::Dataset& dataset,
                                           const train::Contribution& contribution) {
  std::vector<Digest> models;  // that rows are scaled for here
  const bool by_site = work.job.spec->data.standardize == job::Standardize::kSite;
  if (by_site || !contribution.own_model.empty()) {
    models.push_back(ModelDigest(learn::ModelIn(state)));
  }
  if (!contribution.own_model.empty()) {
    const wire::StatePart own_model =
        learn::PersonalModel(*work.job.spec, state, contribution.own_model);
    CN_RETURN_IF_ERROR(room_.personal.Stage(work.offer.job, work.offer.step, models.front(),
                                            learn::EncodeSafetensors(own_model),
                                            room_.clock.UtcNow()));
    models.push_back(ModelDigest(own_model));
  }
  if (!by_site) return absl::OkStatus();
  CN_ASSIGN_OR_RETURN(const train::SiteStatistics found,
                      train::SiteStatisticsOf(work.job.spec->data, dataset.train));
  for (const Digest& model : models) {
    CN_RETURN_IF_ERROR(room_.scalings.Keep(model, found, room_.clock.UtcNow()));
  }
  return absl::OkStatus();
}

absl::StatusOr<LeftRecord> TaskRunner::Write(const Work& work, train::Contribution contribution) {
  parked_.reset();
  const tensor::Layout& layout = contribution.values.layout();
  wire::UpdateHeader header;
  header.key = {work.offer.job, work.offer.step, room_.site};
  header.base_state = work.offer.state;
  header.layout = wire::DigestOf(layout);
  header.weight = contribution.weight;
  header.support = contribution.support;
  header.payload_bytes = layout.payload_bytes();
  if (!StatisticsCache::Covers(work.offer.workload)) header.kernel = room_.kernel;
  LeftRecord left;
  left.job = work.offer.job;
  left.step = work.offer.step;
  left.workload = work.offer.workload;
  left.base_state = work.offer.state;
  left.time = room_.clock.UtcNow();
  left.researcher = work.job.researcher;
  for (const tensor::TensorSpec& spec : layout.tensors()) {
    left.tensors.push_back({spec.name, spec.tag});
  }
  absl::StatusOr<LeftRecord> held = LeftRecord();
  absl::Status staged = absl::OkStatus();
  if (!contribution.next_own.empty()) {
    staged = room_.own.Stage(work.offer.job, work.offer.step, contribution.next_own);
  }
  if (staged.ok()) {
    held = room_.store.Hold(header, contribution.values.payload(), std::move(left));
  } else {
    held = staged;
  }
  if (IsDiskFault(held.status())) {
    parked_ = {work.offer.job, work.offer.step, work.offer.state, std::move(contribution)};
  }
  return held;
}

absl::Status TaskRunner::Submit(Work& work, const LeftRecord& left) {
  const std::shared_ptr<Uplink> uplink = line_.uplink();
  if (uplink == nullptr) return Error(ErrorCode::kConnectionLost, "not connected");
  CN_ASSIGN_OR_RETURN(const auto file, room_.store.OpenHeld(left));
  wire::UploadHeader header;
  header.key = {left.job, left.step, room_.site};
  header.digest = left.digest;
  header.bytes = left.bytes;
  work.pulse.Beat("submit", 0, left.bytes);
  const absl::StatusOr<wire::Receipt> sent = uplink->Submit(
      header, *file, [&](uint64_t written) { work.pulse.Beat("submit", written, left.bytes); });
  work.servers_disk = IsServersDisk(sent.status());
  CN_ASSIGN_OR_RETURN(const wire::Receipt receipt, sent);
  if (receipt.key != header.key || receipt.digest != header.digest) {
    return Error(ErrorCode::kProtocol, "the receipt is for another update");
  }
  return room_.store.RecordReceipt(receipt, room_.clock.UtcNow());
}

}  // namespace consilium::client::session
