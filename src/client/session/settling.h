// What becomes of an update and of what its task left here: the Outcome is recorded, what stays at
// the site moves with it, and the end of a job clears what is left.
//
// Order: what stays moves first, then the outcome is on record, and only then may it be
// acknowledged; after that nobody says it again. An outcome that the disk refused is kept in memory
// and taken up once more when its job ends.
// Not thread-safe: the one worker uses it. What Room refers to outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_SETTLING_H_
#define CONSILIUM_CLIENT_SESSION_SETTLING_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "client/session/checkpoint_store.h"
#include "client/session/job_table.h"
#include "client/session/own_vectors.h"
#include "client/session/personal_models.h"
#include "client/session/site_store.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

class Settling {
 public:
  struct Room {
    SiteStore& store;
    OwnVectors& own;
    PersonalModels& personal;
    CheckpointStore& checkpoints;
    JobTable& jobs;
    const Clock& clock;
    // Called when an outcome is on record: it may be acknowledged.
    std::function<void(const wire::Outcome&)> settled;
  };
  explicit Settling(Room room) : room_(std::move(room)) {}

  // kStorage*: it is kept, and the same may work later. Twice changes nothing.
  absl::Status Settle(const wire::Outcome& outcome);
  // Clears what is left of a job, after the outcomes of it that were kept.
  absl::Status End(const JobId& job);

 private:
  absl::Status Record(const wire::Outcome& outcome);
  absl::Status MoveWhatStays(const wire::Outcome& outcome);

  const Room room_;
  std::vector<wire::Outcome> kept_;  // of held updates: at most wire::kMaxHeldUpdates
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_SETTLING_H_
