// The records of the server's one journal: the truth of jobs, steps, updates and epochs.
//
// Everything the server knows after a restart is what these say; docs/formats/server_journal.md has
// them byte by byte. Applying a record twice changes nothing (JobHistory), so a record whose sync
// was in doubt may be written again.
#ifndef CONSILIUM_SERVER_JOBS_JOB_RECORDS_H_
#define CONSILIUM_SERVER_JOBS_JOB_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/wire/messages.h"
#include "server/jobs/job_view.h"

namespace consilium::server::jobs {

inline constexpr size_t kMaxReasonBytes =
    512;  // of one site in a step's report; longer ones are cut
inline constexpr size_t kMaxRecordTextBytes = 16 * 1024;  // any other text; longer ones are cut

struct JobSubmitted {  // kind 1
  JobId job;
  std::string researcher;
  UtcMillis utc = 0;
  Bytes envelope;
  Bytes file;
};
struct CancelRequested {  // kind 2: durable before the researcher hears that it was
  JobId job;
  std::string who;
  UtcMillis utc = 0;
};
struct JobEnded {  // kind 3
  JobId job;
  JobStatus status = JobStatus::kDone;
  std::string reason;
  UtcMillis utc = 0;
};
struct SiteEpoch {  // kind 4: durable before the Welcome that carries it
  SiteId site;
  Epoch epoch;
  std::string store_id;
  uint64_t process = 0;  // of the client's start; 0 before version 2
};
struct Admission {  // kind 5
  JobId job;
  AdmissionView answer;
};
struct StepOpened {  // kind 6: durable before the first offer
  JobId job;
  StepNumber step;
  wire::Workload workload = wire::Workload::kTrain;
  RoundNumber round;
  Digest base_state;
  Duration deadline{0};
  std::vector<SiteId> selected;
};
struct UpdateAccepted {  // kind 7: durable before the receipt
  wire::TaskKey key;
  Digest digest;
  uint32_t weight = 1;
  uint64_t bytes = 0;
  std::string kernel = {};  // of training; empty before version 2, and for statistics
};
struct StepClosed {  // kind 8: the report; in one sync with kind 9 or 10
  JobId job;
  StepView report;
};
struct StepCommitted {  // kind 9
  JobId job;
  StepNumber step;
  Digest state;
  Digest accumulator;  // SHA-256 of the kept sum
};
struct StepFailed {  // kind 10
  JobId job;
  StepNumber step;
  std::string reason;
};

struct JobForgotten {  // kind 11: durable before the first file of the job goes
  JobId job;
  UtcMillis utc = 0;
};

// Not synced by itself: it tells a story, and nothing depends on it.
struct SetbackNoted {  // kind 12
  JobId job;
  SetbackView setback;  // its count is not written: each record is one
};

using JobRecord =
    std::variant<JobSubmitted, CancelRequested, JobEnded, SiteEpoch, Admission, StepOpened,
                 UpdateAccepted, StepClosed, StepCommitted, StepFailed, JobForgotten, SetbackNoted>;

// The kind of a record: its place in JobRecord, from 1.
uint16_t KindOf(const JobRecord& record);
// The version that Encode writes. Decode reads every version from 1.
uint16_t VersionOf(const JobRecord& record);
// The job it is about; none for SiteEpoch.
std::optional<JobId> JobOf(const JobRecord& record);
Bytes Encode(const JobRecord& record);
// kFormatVersion for a kind or version this program does not know; kJournalCorrupt when malformed.
absl::StatusOr<JobRecord> Decode(uint16_t kind, uint16_t version, ByteSpan payload);

}  // namespace consilium::server::jobs

#endif  // CONSILIUM_SERVER_JOBS_JOB_RECORDS_H_
