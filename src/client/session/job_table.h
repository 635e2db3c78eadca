// The jobs this site has admitted: their parsed files, who submitted them, and how many training
// rows they found here. Kept on disk, so that a restarted site still knows them.
//
// At most `max_jobs` are kept; when one more comes the one used longest ago goes (an offer for it
// is then refused by name until the server notices the site of it again). Thread-safe. `storage`
// outlives it. Add and Remove write to the disk and are the worker's.
#ifndef CONSILIUM_CLIENT_SESSION_JOB_TABLE_H_
#define CONSILIUM_CLIENT_SESSION_JOB_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/base/storage.h"
#include "common/job/job_spec.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

struct KnownJob {
  std::shared_ptr<const job::JobSpec> spec;  // never null
  std::string researcher;
  uint64_t training_rows = 0;
};

// As job::ParseJob. Simulated sites share what they all parse.
using JobParser =
    std::function<absl::StatusOr<std::shared_ptr<const job::JobSpec>>(ByteSpan, std::string_view)>;
absl::StatusOr<std::shared_ptr<const job::JobSpec>> ParseForSite(ByteSpan file,
                                                                 std::string_view name);

// A job's notice, taken at its word for nothing: the id is the digest of what came, the file
// parses. kProtocol, kFormatVersion, 02xx.
absl::StatusOr<std::shared_ptr<const job::JobSpec>> ReadNotice(
    const wire::JobNotice& notice, const JobParser& parse = ParseForSite);

class JobTable {
 public:
  JobTable(std::string folder, Storage& storage, size_t max_jobs);
  // Reads what is on disk; a file that does not hold what its name says is deleted.
  absl::Status Load();

  std::shared_ptr<const KnownJob> Find(const JobId& job);
  // The job is known when this returns, whatever the disk says: a site that starts again is noticed
  // of its jobs again.
  absl::Status Add(const wire::JobNotice& notice, KnownJob known);
  absl::Status Remove(const JobId& job);

 private:
  struct Entry {
    std::shared_ptr<const KnownJob> job;
    uint64_t used = 0;
  };
  std::string PathOf(const JobId& job) const;
  // The job that made room, if one had to.
  JobId Insert(const JobId& job, KnownJob known);

  const std::string folder_;
  Storage& storage_;
  const size_t max_jobs_;
  Mutex mutex_;
  uint64_t uses_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<JobId, Entry> jobs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_JOB_TABLE_H_
