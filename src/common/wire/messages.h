// What site and server say to each other on an Attend stream, as plain values.
//
// Protobuf is only how they travel (wire/messages_proto.h converts): the round, the sessions and
// the in-memory link know these and no generated class. Only durations are on the wire; no clocks
// are compared. Every list and text has a named bound, checked where a message is converted.
#ifndef CONSILIUM_COMMON_WIRE_MESSAGES_H_
#define CONSILIUM_COMMON_WIRE_MESSAGES_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/wire/transfer.h"

namespace consilium::wire {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr size_t kMaxDatasets = 256;
inline constexpr size_t kMaxCapabilities = 64;
inline constexpr size_t kMaxHeldUpdates = 256;
inline constexpr size_t kMaxTextBytes = 4096;  // any single text
inline constexpr size_t kMaxJobFileBytes = size_t{256} * 1024;
inline constexpr size_t kMaxCohort = 16384;

enum class Workload : uint8_t { kMeans = 1, kVariances = 2, kTrain = 3, kEvaluate = 4 };

// ---- site -> server

// An update that lies finished on the site's disk and has no Outcome yet.
struct HeldUpdate {
  JobId job;
  StepNumber step;
  Digest digest;
};

struct Hello {
  uint32_t protocol = kProtocolVersion;
  std::string version;                    // "0.1.0"
  std::vector<std::string> capabilities;  // "fedavg", "kernel=eigen-.."; see sites
  std::vector<std::string> datasets;
  std::string store_id;  // random, kept on the site's disk: a lost disk is noticed
  std::vector<HeldUpdate> held;
  uint64_t process = 0;  // random for each start of the client: a restart is told from a reconnect
};

enum class Verdict : uint8_t { kAdmitted = 1, kPending = 2, kRefused = 3 };

// The answer to JobNotice. `rule` names the policy rule or error code that refused.
struct AdmissionReply {
  JobId job;
  Verdict verdict = Verdict::kAdmitted;
  std::string rule;
  std::string message;
};

struct TaskAccepted {
  JobId job;
  StepNumber step;
};
struct TaskRefused {
  JobId job;
  StepNumber step;
  std::string rule;
  std::string message;
};
// Any advance (rows read, steps trained, bytes sent) renews the progress lease.
struct TaskProgress {
  JobId job;
  StepNumber step;
  std::string phase;  // "fetch", "train", "submit"
  uint64_t done = 0;
  uint64_t total = 0;  // 0 = unknown
};
struct TaskFailed {
  JobId job;
  StepNumber step;
  std::string code;  // "CN0404"
  std::string message;
};
struct OutcomeAck {
  JobId job;
  StepNumber step;
};

using SiteMessage =
    std::variant<AdmissionReply, TaskAccepted, TaskRefused, TaskProgress, TaskFailed, OutcomeAck>;

// ---- server -> site

struct Welcome {
  Epoch epoch;  // carried by every later call; a newer Attend fences the older
  std::string version;
  std::string federation;
  std::vector<std::string> capabilities;  // unknown ones are ignored
};

// A job's own bytes and its envelope (signed later): sent once per (site, job) for admission.
struct JobNotice {
  JobId job;
  std::string researcher;  // from the certificate of the submitter
  Bytes envelope;
  Bytes file;
};

struct TaskOffer {
  JobId job;
  StepNumber step;
  Workload workload = Workload::kTrain;
  RoundNumber round;  // label of train steps, else 0
  Digest state;       // manifest digest: fetched by it, then the parts it names
  Duration time_left{0};
  Duration progress_lease{0};
  // Shared by the offers of a step, which would else hold n names for each of n sites. Null: none.
  std::shared_ptr<const std::vector<SiteId>> cohort;
  std::shared_ptr<const InlineState> inline_state;  // null: to be fetched
};
struct CancelTask {
  JobId job;
  StepNumber step;
  std::string reason;
};

enum class OutcomeKind : uint8_t {
  kCounted = 1,
  kLateDropped = 2,
  kLateCarried = 3,
  kRefused = 4,
  kFailed = 5,
  kRoundFailed = 6
};
struct Outcome {
  JobId job;
  StepNumber step;
  OutcomeKind kind = OutcomeKind::kCounted;
  std::string reason;
};
// The job has ended: its cached states and leftovers may go.
struct JobEnded {
  JobId job;
  std::string result;  // "done", "failed", "cancelled"
};

using ServerMessage = std::variant<JobNotice, TaskOffer, CancelTask, Outcome, JobEnded>;

const char* NameOf(Workload workload);    // "means", "variances", "train", "evaluate"
const char* NameOf(OutcomeKind outcome);  // "counted", "late_dropped", ...
const char* NameOf(Verdict verdict);

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_MESSAGES_H_
