#include "client/session/settling.h"

#include <algorithm>

#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace consilium::client::session {

absl::Status Settling::MoveWhatStays(const wire::Outcome& outcome) {
  if (outcome.kind == wire::OutcomeKind::kCounted) {
    CN_RETURN_IF_ERROR(room_.own.Advance(outcome.job, outcome.step));
    return room_.personal.Advance(outcome.job, outcome.step);
  }
  if (outcome.kind == wire::OutcomeKind::kLateCarried) return absl::OkStatus();
  CN_RETURN_IF_ERROR(room_.own.Drop(outcome.job, outcome.step));
  return room_.personal.Drop(outcome.job, outcome.step);
}

absl::Status Settling::Record(const wire::Outcome& outcome) {
  CN_RETURN_IF_ERROR(MoveWhatStays(outcome));
  CN_RETURN_IF_ERROR(room_.store.Settle(outcome, room_.clock.UtcNow()));
  const absl::Status removed = room_.checkpoints.Remove(outcome.job, outcome.step);
  if (!removed.ok()) LogStatus(Level::kWarning, "checkpoint not removed", removed);
  room_.settled(outcome);
  return absl::OkStatus();
}

absl::Status Settling::Settle(const wire::Outcome& outcome) {
  const auto same = [&outcome](const wire::Outcome& other) {
    return other.job == outcome.job && other.step == outcome.step;
  };
  const absl::Status recorded = Record(outcome);
  if (recorded.ok()) {
    std::erase_if(kept_, same);
  } else if (std::ranges::none_of(kept_, same)) {
    // Nobody says it again before the next Attend, and its job may end before that.
    kept_.push_back(outcome);
  }
  return recorded;
}

absl::Status Settling::End(const JobId& job) {
  // What has an outcome is not forgotten without it.
  absl::Status all = absl::OkStatus();
  std::erase_if(kept_, [&](const wire::Outcome& outcome) {
    if (outcome.job != job) return false;
    const absl::Status recorded = Record(outcome);
    all.Update(recorded);
    return recorded.ok();
  });
  CN_RETURN_IF_ERROR(all);
  CN_RETURN_IF_ERROR(room_.store.ForgetJob(job, room_.clock.UtcNow()));
  CN_RETURN_IF_ERROR(room_.checkpoints.RemoveJob(job));
  CN_RETURN_IF_ERROR(room_.own.RemoveJob(job));
  CN_RETURN_IF_ERROR(room_.personal.DropJob(job));
  return room_.jobs.Remove(job);
}

}  // namespace consilium::client::session
