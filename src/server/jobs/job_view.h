// A job as people see it: what list, show and watch answer, and what the journal's step records
// hold.
#ifndef CONSILIUM_SERVER_JOBS_JOB_VIEW_H_
#define CONSILIUM_SERVER_JOBS_JOB_VIEW_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/wire/messages.h"
#include "server/aggregation/server_half.h"

namespace consilium::server::jobs {

enum class JobStatus : uint8_t { kQueued = 1, kRunning, kWaiting, kDone, kFailed, kCancelled };
const char* NameOf(JobStatus status);

// What a job that goes on waits for, and until when at the latest. Ages and spans, so that no two
// clocks are compared.
struct Wait {
  // "slot" (too many jobs run), "answers" (admissions, returning sites), "quorum" (too few sites),
  // "updates", "late", "commit", "disk"; empty: nothing.
  std::string kind;
  std::string text;           // for a person: for whom, and how it stands with each
  std::vector<SiteId> sites;  // whom, where it is sites
  Duration since{0};
  std::optional<Duration> left;  // absent: without end
};

// Of a site whose update was accepted in time, and left out by the job's rule.
inline constexpr const char* kExcluded = "excluded";

struct SiteStepView {
  SiteId site;
  std::string result;  // "counted", "excluded", "late", "refused", "failed", "working", ...
  std::string reason;
  std::string phase;
  uint64_t update_bytes = 0;
  uint32_t weight = 0;
  Digest update_digest;
  std::string kernel;  // that computed the update; empty for statistics, and while none is counted
  Duration elapsed{0};
  aggregation::Metrics metrics;
  // In a committed step: its update was among those that the aggregate was made from.
  bool WasTaken() const { return result == "counted" || result == kExcluded; }
  // Only while the step is open:
  uint64_t done = 0;  // of its phase: bytes of fetch and submit, steps of train
  uint64_t total = 0;
  uint64_t per_second = 0;        // of `done`, on average in this phase
  bool away = false;              // not connected
  std::optional<Duration> quiet;  // since its last sign of life; only while it is waited for
  std::optional<Duration> left;   // given up then, unless a sign comes
};

// An update of an older round that this one ended: it counted here, or will never count.
struct LateUpdateView {
  SiteId site;
  StepNumber step;     // that it was made for
  RoundNumber round;   // of that step
  uint32_t age = 0;    // rounds between
  std::string result;  // wire::NameOf: "late_carried", "late_dropped"
  std::string reason;
  uint64_t update_bytes = 0;    // 0: it never came
  uint32_t weight = 0;          // as sent
  uint32_t counted_weight = 0;  // by its staleness; 0 when dropped
  Digest update_digest;
  std::string kernel;
};

struct StepView {
  StepNumber step;
  wire::Workload workload = wire::Workload::kTrain;
  RoundNumber round;
  bool committed = false;
  std::string result;  // "committed", "failed", or the phase it is in
  std::string reason;
  Digest base_state;
  Digest state;
  Duration elapsed{0};
  std::optional<Duration> left;     // until its deadline, while sites are waited for
  std::vector<SiteStepView> sites;  // every selected site
  std::vector<LateUpdateView> late;
  aggregation::Metrics metrics;  // over all counted sites, of the state the step starts from
  uint64_t update_bytes = 0;
  uint64_t total_weight = 0;
};

struct AdmissionView {
  SiteId site;
  wire::Verdict verdict = wire::Verdict::kPending;
  std::string rule;
  std::string message;
};

// What broke into a job and did not stop it.
enum class Setback : uint8_t { kServerRestarted = 1, kSiteRestarted, kSiteReconnected };
const char* NameOf(Setback setback);

// How often, and how the job went on after the last one.
struct SetbackView {
  Setback what = Setback::kServerRestarted;
  SiteId site;  // empty: the server
  uint32_t count = 0;
  UtcMillis utc = 0;  // of the last
  StepNumber step;    // open then; 0: none was
  wire::Workload workload = wire::Workload::kTrain;
  RoundNumber round;
  uint32_t accepted = 0;  // updates that the step had, of `selected`
  uint32_t selected = 0;
};

struct JobView {
  JobId job;
  std::string name;
  std::string researcher;
  JobStatus status = JobStatus::kQueued;
  std::string reason;
  Wait wait;
  uint32_t rounds = 0;
  uint32_t rounds_committed = 0;
  uint32_t rounds_failed = 0;
  UtcMillis submitted = 0;
  UtcMillis ended = 0;
  Digest state;
  Digest job_digest;
  Bytes file;
  std::vector<AdmissionView> admissions;
  std::vector<StepView> steps;  // finished ones
  std::optional<StepView> current;
  std::vector<SetbackView> setbacks;  // one for the server, one or two for a site
  UtcMillis now = 0;                  // the server's clock when it was asked
};

}  // namespace consilium::server::jobs

#endif  // CONSILIUM_SERVER_JOBS_JOB_VIEW_H_
