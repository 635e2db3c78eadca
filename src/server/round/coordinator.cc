#include "server/round/coordinator.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/job/job_spec.h"
#include "common/wire/envelope.h"
#include "server/round/coordinator_parts.h"
#include "server/round/replay.h"

namespace consilium::server::round {
namespace {

constexpr UtcMillis kSkewMillis = 5 * 60 * 1000;

absl::Status CheckEnvelope(const wire::Envelope& envelope, const std::string& federation,
                           UtcMillis now) {
  if (envelope.federation != federation) {
    return Error(ErrorCode::kNotAllowed,
                 fmt::format("the job's envelope is for federation `{}`, this is `{}`",
                             envelope.federation, federation),
                 "Submit to the federation that the envelope names.");
  }
  if (now + kSkewMillis < envelope.not_before) {
    return Error(ErrorCode::kNotAllowed,
                 fmt::format("the job's envelope is valid from {}, now it is {}",
                             FormatUtc(envelope.not_before), FormatUtc(now)),
                 "Check the clock of the machine that submits.");
  }
  if (now - kSkewMillis > envelope.expiry) {
    return Error(ErrorCode::kNotAllowed,
                 fmt::format("the job's envelope expired at {}, now it is {}",
                             FormatUtc(envelope.expiry), FormatUtc(now)),
                 "Submit the job file again: that makes a new envelope.");
  }
  return absl::OkStatus();
}

}  // namespace

Coordinator::Coordinator(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Coordinator::~Coordinator() { Drain(); }

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Create(Options options, Storage& storage,
                                                                 const Clock& clock) {
  auto parts = std::make_unique<Parts>(std::move(options), storage, clock);
  CN_RETURN_IF_ERROR(parts->Open());
  parts->Begin();
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(parts)));
}

registry::Federation& Coordinator::federation() { return parts_->federation; }
store::UpdateStore& Coordinator::updates() { return parts_->updates; }
store::StateStore& Coordinator::states() { return parts_->states; }

store::WatchedStorage& Coordinator::disk() { return parts_->storage; }
absl::Status Coordinator::DiskHealth() { return parts_->storage.Health(); }

void Coordinator::OnUpdateAccepted(const wire::TaskKey& key) { parts_->OnUpdateAccepted(key); }

absl::StatusOr<Submitted> Coordinator::Submit(const std::string& researcher, ByteSpan envelope,
                                              ByteSpan file) {
  const UtcMillis now = parts_->clock.UtcNow();
  CN_ASSIGN_OR_RETURN(const wire::Envelope decoded, wire::DecodeEnvelope(envelope));
  CN_RETURN_IF_ERROR(CheckEnvelope(decoded, parts_->options.federation, now));
  CN_ASSIGN_OR_RETURN(const job::JobSpec spec, job::ParseJob(file, "job.toml"));
  const JobId job = wire::JobIdOf(envelope, spec.digest);
  if (parts_->history.Knows(job)) {
    CN_ASSIGN_OR_RETURN(const jobs::JobView known,
                        parts_->history.Show(job, StepNumber(UINT64_MAX)));
    if (known.job_digest == spec.digest) return Submitted{job, true};
    return Error(ErrorCode::kJobExists,
                 fmt::format("job {} was submitted before with another job file", job.value()));
  }
  CN_RETURN_IF_ERROR(parts_->CheckStart(spec));
  if (spec.model.start == job::StartKind::kState) {
    CN_RETURN_IF_ERROR(parts_->states.Pin(spec.model.start_state));
  }
  CN_RETURN_IF_ERROR(parts_->MakeRoom());
  CN_RETURN_IF_ERROR(parts_->journal->Write(jobs::JobSubmitted{
      job, researcher, now, {envelope.begin(), envelope.end()}, {file.begin(), file.end()}}));
  CN_CRASH_POINT("job.submitted");
  Log(Level::kInfo, "job submitted",
      {{"job", job.value()}, {"name", spec.name}, {"researcher", researcher}});
  parts_->Enqueue(job);
  return Submitted{job, false};
}

std::vector<jobs::JobView> Coordinator::List() const { return parts_->history.List(); }

absl::StatusOr<jobs::JobView> Coordinator::Show(const JobId& job, StepNumber after) const {
  CN_ASSIGN_OR_RETURN(jobs::JobView view, parts_->history.Show(job, after));
  view.now = parts_->clock.UtcNow();
  return view;
}

absl::StatusOr<jobs::JobView> Coordinator::Cancel(const JobId& job, const std::string& who) {
  if (!parts_->history.HasEnded(job)) {
    CN_RETURN_IF_ERROR(
        parts_->journal->Write(jobs::CancelRequested{job, who, parts_->clock.UtcNow()}));
    CN_CRASH_POINT("cancel.journalled");
    Log(Level::kInfo, "job is cancelled", {{"job", job.value()}, {"who", who}});
    CN_RETURN_IF_ERROR(parts_->CancelJob(job, who));
  }
  return Show(job, StepNumber(0));
}

absl::StatusOr<std::vector<ReplayedStep>> Coordinator::Replay(const JobId& job) const {
  CN_ASSIGN_OR_RETURN(const jobs::Standing standing, parts_->history.StandingOf(job));
  CN_ASSIGN_OR_RETURN(const std::vector<jobs::CommittedStep> steps,
                      parts_->history.CommittedSteps(job));
  return ReplaySteps(job, *standing.spec, steps, parts_->MakeStores());
}

absl::StatusOr<uint64_t> Coordinator::Watch(const JobId& job, JobWatcher watcher) {
  CN_RETURN_IF_ERROR(parts_->history.Show(job, StepNumber(UINT64_MAX)).status());
  return parts_->watchers.Add(job, std::move(watcher));
}

void Coordinator::Unwatch(uint64_t ticket) { parts_->watchers.Remove(ticket); }

bool Coordinator::Pump() { return parts_->Pump(); }
std::optional<Instant> Coordinator::NextDeadline() const { return parts_->NextDeadline(); }
void Coordinator::Drain() { parts_->Drain(); }

}  // namespace consilium::server::round
