// One running job: events in, steps out, until it is done, failed or cancelled.
//
//   Queued -> Running <-> Waiting (too few sites, or the disk refuses: with the reason)
//          -> Done | Failed | Cancelled
//
// Which sites take part is SelectSites' decision, what a step does is RoundState's; the engine
// carries both out in order and journals each step before it is acted on. After a restart it goes
// on from what the journal says: an open step is opened again with the updates it had accepted, and
// its deadline starts anew. Whatever fails for the disk's sake is tried again (Backoff).
// Post, Stop and ended are thread-safe; the rest belongs to one thread, that of Run or of the
// caller of Pump.
#ifndef CONSILIUM_SERVER_ROUND_JOB_ENGINE_H_
#define CONSILIUM_SERVER_ROUND_JOB_ENGINE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "common/base/bounded_queue.h"
#include "common/job/step_plan.h"
#include "server/round/backoff.h"
#include "server/round/engine_world.h"
#include "server/round/round_state.h"
#include "server/round/selection.h"
#include "server/round/step_runner.h"

namespace consilium::server::round {

// A full queue loses nothing for good: the engine then reads sites and updates again.
inline constexpr size_t kMaxEngineEvents = 65536;

// A view of a job that runs on its own thread is at most so much older than the job: making it for
// each of a step's events would cost more than they do.
inline constexpr Duration kPublishPause = std::chrono::milliseconds(20);

struct Attended {
  SiteId site;
  registry::Arrival arrival = registry::Arrival::kFirst;
};
struct Left {
  SiteId site;
};
struct Answered {
  SiteId site;
  wire::AdmissionReply reply;
};
struct StepEvent {
  StepNumber step;
  Event event;
};
struct CancelAsked {};  // who asked is in the journal
using EngineEvent = std::variant<Attended, Left, Answered, StepEvent, CancelAsked>;

class JobEngine {
 public:
  // `world` outlives this. `on_ended` is called once, by the thread that pumps.
  JobEngine(JobId job, const EngineWorld& world, std::function<void()> on_ended);

  void Post(EngineEvent event);
  // Run returns after the action at hand; Pump does nothing more. What is open stays open, durably.
  void Stop();
  bool ended() const { return ended_; }

  // Pump and wait, until ended or stopped.
  void Run();
  // Handles what is queued or due; true when anything happened.
  bool Pump();
  std::optional<Instant> NextDeadline() const;

 private:
  bool DrainEvents(Instant now);
  void Handle(const Attended& event, Instant now);
  void Handle(const Left& event, Instant now);
  void Handle(const Answered& event, Instant now);
  void Handle(const StepEvent& event, Instant now);
  void Handle(const CancelAsked& event, Instant now);
  void ReadAgain(Instant now);  // after events were lost

  // Each returns true when something happened.
  bool Begin(Instant now);
  bool WorkOnStep(Instant now);
  bool Advance(Instant now);

  absl::Status Load(Instant now);
  absl::Status OpenRecorded(Instant now);
  bool EndIfOver(Instant now);
  bool Select(Instant now);
  void OpenNext(std::vector<SiteId> sites, Instant now);
  void AfterStep(Instant now);
  void WaitForSites(const TooFew& too_few, Instant now);
  void End(jobs::JobStatus status, std::string reason, Instant now);
  void WriteEnd(Instant now);
  void Trouble(const absl::Status& why, Instant now);
  std::string CancelReason() const;
  void Note(jobs::Setback what, const SiteId& site);
  // ---- sites whose update of an older round is on its way (job_engine_late.cc)
  absl::Status OpenLate(Instant now);
  void OfferLate(const SiteId& site, Instant now);
  void HearLate(const StepEvent& event, Instant now);
  void TellLateHere(Instant now);
  void NoteLate(StepNumber step, Instant now);
  void PruneLate(Instant now);
  bool HasArrived(StepNumber step, const SiteId& site) const;
  // False: without them a round has too few; it waits for them.
  bool LeaveOutLate(std::vector<SiteId>& sites, Instant now);
  void TellDropped(const jobs::LateSteps& late);  // the job has ended
  bool SendNotice(const SiteId& site);            // false: the site is away
  jobs::Wait WaitNow(Instant now) const;
  // What the disk said to a site of the open step that could not deliver its update. Empty:
  // nothing, or the disk works again.
  std::string RefusedByDisk() const;
  void Publish(Instant now, bool tell_watchers);
  // Publish, and tell; while Run paces it, some events together (kPublishPause).
  void PublishSoon(Instant now);

  const JobId job_;
  const EngineWorld& world_;
  const std::function<void()> on_ended_;
  BoundedQueue<EngineEvent> events_;
  std::atomic<bool> events_lost_ = false;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> ended_ = false;

  jobs::Standing standing_;  // .open: to be opened (again) by OpenRecorded
  bool loaded_ = false;
  bool after_restart_ = false;
  bool cancelled_ = false;
  Digest state_;  // from which the next step starts
  Candidates candidates_;
  struct LateSite {
    StepNumber step;
    Instant renewed;  // its last sign of life
  };
  std::map<SiteId, LateSite> late_;
  std::unique_ptr<StepRunner> step_;
  std::optional<jobs::JobEnded> ending_;
  Backoff backoff_;
  std::optional<Instant> too_few_since_;
  std::optional<Instant> look_again_;  // at who takes part
  jobs::JobStatus status_ = jobs::JobStatus::kRunning;
  jobs::Wait wait_;        // between steps; `left` is made from look_again_
  std::string refused_;    // by the disk, as it was published last
  std::string waits_for_;  // kind and step of what was published last
  Instant waits_since_{};
  Instant told_{};  // the watchers, for the last time
  bool paced_ = false;
  bool unpublished_ = false;  // something happened since published_
  Instant published_{};
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_JOB_ENGINE_H_
