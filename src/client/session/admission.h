// Whether this site takes part: in a job when it is noticed of it, and in each task when it is
// offered. The site's policy is asked first, before any data is read.
//
// Decide(offer) from any thread; Decide(notice) is the worker's: it reads the dataset and writes
// the job down. What Room refers to outlives it.
#ifndef CONSILIUM_CLIENT_SESSION_ADMISSION_H_
#define CONSILIUM_CLIENT_SESSION_ADMISSION_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "client/data/dataset.h"
#include "client/policy/policy.h"
#include "client/session/job_table.h"
#include "client/session/site_session.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

class Admission {
 public:
  struct Room {
    JobTable& jobs;
    DatasetSource& datasets;
    const policy::Policy& policy;
    const std::string& kernel;
    JobParser parse;
  };
  struct Answer {
    wire::AdmissionReply reply;
    // What the disk said when the job was written down; a disk fault: it is to be asked again.
    std::optional<absl::Status> kept = std::nullopt;
  };
  explicit Admission(Room room) : room_(std::move(room)) {}

  // nullopt: `progress` of reading the data said to stop; the job is noticed again.
  std::optional<Answer> Decide(const wire::JobNotice& notice, const data::ReadProgress& progress);
  // nullopt = allowed.
  std::optional<policy::Refuse> Decide(const wire::TaskOffer& offer) const;

 private:
  // The policy, and whether this site can run what the job pins. nullopt = allowed.
  std::optional<policy::Refuse> Ask(const policy::PolicyQuestion& question,
                                    const policy::PolicyFacts& facts) const;

  const Room room_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_ADMISSION_H_
