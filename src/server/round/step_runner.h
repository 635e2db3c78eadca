// One open step: RoundState decides, this performs.
//
// Actions are performed in order and never twice; one that meets a full or failing disk stays first
// in the queue and is tried again later (Backoff), so nothing after it happens before it. The
// report, with the commit or the failure, is durable before any site hears its Outcome.
// Not thread-safe: its engine's thread only.
#ifndef CONSILIUM_SERVER_ROUND_STEP_RUNNER_H_
#define CONSILIUM_SERVER_ROUND_STEP_RUNNER_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "server/jobs/job_view.h"
#include "server/round/backoff.h"
#include "server/round/engine_world.h"
#include "server/round/round_state.h"

namespace consilium::server::round {

// How a step ended. kFailed: in the commit, and another round may do better. kHopeless: the server
// half refused, and would again.
enum class StepEnd { kCommitted, kTooFew, kFailed, kHopeless };

UpdateAccepted EventOf(const store::AcceptedUpdate& update);

class StepRunner {
 public:
  struct Start {
    std::shared_ptr<const job::JobSpec> spec;
    jobs::OpenStepRecord record;  // journalled
    bool after_restart = false;   // sites need time to come back
  };
  // Opens the step for uploads and offers it to every site whose update is not accepted yet. The
  // deadline starts now. `world` outlives this.
  static absl::StatusOr<std::unique_ptr<StepRunner>> Open(Start start, const EngineWorld& world,
                                                          Instant now);

  void Apply(const Event& event, Instant now);
  // Performs what is queued and due. True when anything was.
  bool Work(Instant now);
  std::optional<Instant> NextDeadline() const;

  // Set when everything was performed.
  std::optional<StepEnd> end() const;
  const std::string& failure() const { return failure_; }
  // The digest of the new state. REQUIRES: kCommitted.
  Digest NextState() const;

  StepNumber step() const { return record_.opened.step; }
  const jobs::StepOpened& opened() const { return record_.opened; }
  uint32_t counted() const { return round_.counted(); }
  // As `show` gives it while the step is open.
  jobs::StepView View(Instant now) const;
  // For what the step waits, without `since`.
  jobs::Wait WaitNow(Instant now) const;
  // The disk refuses: what it said. Empty while all is well.
  const std::string& trouble() const { return backoff_.reason(); }

 private:
  StepRunner(Start start, const EngineWorld& world, RoundPlan plan, Instant now);
  void Queue(std::vector<Action> actions);
  // Before time may close the step: an update that has its receipt counts, even when its event is
  // still on the way.
  void CountAccepted(Instant now);
  // Turns spools into a generation of the sum, when there are enough and nothing else is to do.
  void FoldSome(Instant now);
  // Not ok: the disk refused, try again.
  absl::Status Perform(const Action& action, Instant now);
  absl::Status PerformCommit(const Commit& commit, Instant now);
  absl::Status PerformFinished(const Finished& finished, Instant now);
  void SendOffer(const Offer& offer, Instant now);
  jobs::StepView Report(Instant now) const;
  std::vector<jobs::LateUpdateView> EndLate() const;
  void TellLate();
  void Discard();

  const std::shared_ptr<const job::JobSpec> spec_;
  const jobs::OpenStepRecord record_;
  const EngineWorld& world_;
  const Instant opened_;
  RoundState round_;
  std::deque<Action> actions_;
  Backoff backoff_;
  Instant fold_again_{};                                   // not before
  std::shared_ptr<const wire::InlineState> inline_state_;  // of the base; null: fetched
  std::shared_ptr<const std::vector<SiteId>> cohort_;      // of every offer, from the first on
  std::optional<SteppedState> stepped_;
  std::optional<StepEnd> end_;
  std::string failure_;
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_STEP_RUNNER_H_
