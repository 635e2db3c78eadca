// One step of one job as a pure state machine: Apply(event, now) -> actions.
//
//   Selecting -> Training -> Closing -> Committing -> Done | Failed
//
// No lock, clock, disk or socket. The engine performs the actions in order and feeds back what
// happened. A site is counted at most once, whatever repeats or reorders. The step closes when
// every selected site is counted, refused, failed or past its lease; at `goal` counted (with late
// updates of older rounds, where they fill it); at the deadline. Fewer than min_sites counted, or a
// required site missing, fails it by name: never a hang, never silently partial.
#ifndef CONSILIUM_SERVER_ROUND_ROUND_STATE_H_
#define CONSILIUM_SERVER_ROUND_ROUND_STATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/wire/messages.h"

namespace consilium::server::round {

enum class Phase { kSelecting, kTraining, kClosing, kCommitting, kDone, kFailed };
const char* NameOf(Phase phase);

struct RoundPlan {
  StepNumber step;
  std::vector<SiteId> selected;
  uint32_t min_sites = 1;
  std::set<SiteId> required;
  uint32_t goal = 0;  // closes at this many counted; 0 = all selected
  Duration deadline{0};
  bool late_fill_goal = false;  // updates of older rounds count towards the goal
  bool carry_late = false;      // stragglers go on when the step commits: their updates count later
  // 0 = no such lease:
  Duration accept_lease{0};    // an offer not answered for this long has failed
  Duration progress_lease{0};  // no step, byte or message for this long: past its lease
};

enum class SiteResult : uint8_t {
  kWaiting = 0,
  kOffered,
  kWorking,
  kCounted,
  kRefused,
  kFailed,
  kLate
};
const char* NameOf(SiteResult result);

struct SiteReport {
  SiteResult result = SiteResult::kWaiting;
  std::string reason;  // rule, code and text; empty when counted
  uint64_t update_bytes = 0;
  uint32_t weight = 0;
  Digest digest;        // of the counted update
  std::string kernel;   // that computed it
  Duration elapsed{0};  // from offer to its end
  std::string phase;    // last progress: "fetch", "train", "submit"
  uint64_t done = 0;    // of that phase, as the site counts: bytes, or steps
  uint64_t total = 0;
  bool away = false;     // not connected
  bool carried = false;  // late, and at work still
};

// How it stands with a site that the step waits for.
struct SiteWait {
  Duration quiet{0};        // since its last sign of life
  Duration left{0};         // then it is given up, or the step closes
  uint64_t per_second = 0;  // of `done`, on average in its phase
};

// clang-format off: one line each reads as a table
// ---- events
struct Start {};
struct OfferAccepted { SiteId site; };
struct OfferRefused { SiteId site; std::string rule; std::string message; };
struct Progress { SiteId site; std::string phase; uint64_t done = 0; uint64_t total = 0; };
struct UpdateAccepted { SiteId site; Digest digest; uint32_t weight = 1; uint64_t bytes = 0;
                        std::string kernel = {}; };
struct SiteFailed { SiteId site; std::string reason; };
struct SiteAttended { SiteId site; };  // (re)connected: an open offer is sent again
struct SiteLeft { SiteId site; };      // or could not be reached; changes no lease
struct LateHere { uint32_t updates = 0; };  // of older rounds, in all; this step will count them
struct Tick {};                        // time passed
struct Cancel { std::string reason; };
struct Committed { Digest state; };    // the engine stored and journalled the next state
struct CommitFailed { std::string reason; };
using Event = std::variant<Start, OfferAccepted, OfferRefused, Progress, UpdateAccepted, SiteFailed,
                           SiteAttended, SiteLeft, LateHere, Tick, Cancel, Committed, CommitFailed>;

// ---- actions
struct Offer { SiteId site; Duration time_left{0}; };
struct Withdraw { SiteId site; std::string reason; };
// No upload counts any more; fold exactly these, step the state, journal, then Committed.
struct Commit { std::vector<SiteId> counted; };
struct Notify { SiteId site; wire::OutcomeKind outcome; std::string reason; };
// The report is final: journal it before the Notify actions that follow, one for every site that
// was offered the step.
struct Finished { bool committed = false; Digest state; std::string reason; };
using Action = std::variant<Offer, Withdraw, Commit, Notify, Finished>;
// clang-format on

class RoundState {
 public:
  explicit RoundState(RoundPlan plan);

  // Returns what to do, in order. Events for unknown sites, repeats and stragglers after the close
  // change nothing. An update accepted before the close counts, whatever its site said before: it
  // has a receipt. Any event at or after the deadline closes the step. O(1), O(sites) when a lease
  // may have run out or the step closes.
  std::vector<Action> Apply(const Event& event, Instant now);

  // When Tick should come next (it may find nothing due yet); nullopt when nothing is waited for.
  std::optional<Instant> NextDeadline() const;

  Phase phase() const { return phase_; }
  const RoundPlan& plan() const { return plan_; }
  const std::map<SiteId, SiteReport>& sites() const { return reports_; }
  uint32_t counted() const { return counted_; }
  // "waiting for 2 of 4 sites, at most 4m12s: b (submit 35% at 20 KB/s), d (away, given up in
  // 48s)": what `consilium show` says. Empty when done.
  std::string WaitingFor(Instant now) const;
  std::vector<SiteId> WaitedFor() const;  // the sites that the step waits for
  // nullopt: it is not waited for.
  std::optional<SiteWait> WaitOf(const SiteId& site, Instant now) const;
  // Until the deadline; nullopt when no site is waited for any more.
  std::optional<Duration> TimeLeft(Instant now) const;

 private:
  struct Lease {
    Instant offered;       // for the first time
    Instant renewed;       // the last sign of life
    bool expired = false;  // failed for silence: may still come back before the close
    Instant phase_began{};
    uint64_t phase_first = 0;  // `done` at its first report: a resumed upload does not begin at 0
  };
  void Handle(const Start& event, Instant now);
  void Handle(const OfferAccepted& event, Instant now);
  void Handle(const OfferRefused& event, Instant now);
  void Handle(const Progress& event, Instant now);
  void Handle(const UpdateAccepted& event, Instant now);
  void Handle(const SiteFailed& event, Instant now);
  void Handle(const SiteAttended& event, Instant now);
  void Handle(const SiteLeft& event, Instant now);
  void Handle(const LateHere& event, Instant now);
  void Handle(const Tick& event, Instant now);
  void Handle(const Cancel& event, Instant now);
  void Handle(const Committed& event, Instant now);
  void Handle(const CommitFailed& event, Instant now);

  // The report of a selected site while the step is open; null otherwise.
  SiteReport* OpenReport(const SiteId& site);
  void SendOffer(const SiteId& site, Instant now);
  void Renew(const SiteId& site, Instant now);
  void End(const SiteId& site, SiteResult result, std::string reason, Instant now);
  Duration LeaseOf(SiteResult result) const;  // 0: none
  std::string StandingOf(const SiteId& site, Instant now) const;
  void ExpireLeases(Instant now);
  bool GoalReached() const;
  bool MayClose(Instant now) const;
  void Close(Instant now);
  void EndStragglers(const std::string& reason, bool carry, Instant now);
  void Finish(bool committed, const Digest& state, const std::string& reason);
  std::string Shortfall() const;  // empty when enough were counted

  RoundPlan plan_;
  Phase phase_ = Phase::kSelecting;
  Instant started_{};
  std::map<SiteId, SiteReport> reports_;
  std::map<SiteId, Lease> leases_;
  uint32_t counted_ = 0;
  uint32_t late_here_ = 0;
  uint32_t working_ = 0;  // offered or working
  Instant next_lease_{};  // no lease ends before this
  std::string cancel_reason_;
  std::vector<Action> actions_;
};

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_ROUND_STATE_H_
