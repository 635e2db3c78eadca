// The server's numbers for Prometheus, pulled from jobs and sites when they are asked for.
//
//   consilium_build_info{version}                 gauge, 1
//   consilium_jobs{status}                        gauge
//   consilium_sites_known / _connected            gauges
//   consilium_rounds_total{result}                counter: committed | failed
//   consilium_round_seconds                       histogram: start of a round to its end
//   consilium_update_bytes_received_total         counter
//   consilium_uploads_open                        gauge
//   consilium_store_bytes{kind}                   gauge: journal, states, sums, spools, other
//   consilium_disk_ok                             gauge: 1, or 0 while the disk refuses
// Rounds are counted since this process began (train steps only). No label holds a job or a site,
// so the number of series is fixed. Thread-safe.
#ifndef CONSILIUM_SERVER_OPS_SERVER_METRICS_H_
#define CONSILIUM_SERVER_OPS_SERVER_METRICS_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "common/metrics/histogram.h"
#include "server/jobs/job_view.h"
#include "server/registry/federation.h"

namespace consilium::server::ops {

class ServerMetrics {
 public:
  // What the store holds, by kind of file.
  struct Disk {
    std::vector<std::pair<std::string, uint64_t>> bytes;
    bool ok = true;
  };
  // Where the numbers come from (round::Coordinator and server/rpc in production). Called without a
  // lock of the callee held.
  struct Source {
    std::string version;
    std::function<std::vector<jobs::JobView>()> list;  // without steps
    std::function<absl::StatusOr<jobs::JobView>(const JobId&, StepNumber after)> show;
    std::function<std::vector<registry::SiteStatus>()> sites;
    std::function<uint64_t()> update_bytes;
    std::function<uint64_t()> open_uploads;
    std::function<uint64_t()> download_bytes;
    std::function<Disk()> disk;
  };
  // What has happened so far is the baseline: it is not counted.
  explicit ServerMetrics(Source source);

  // The text of one scrape. Costs one `show` per job that ran since the last one.
  std::string Scrape();

 private:
  struct Seen {
    StepNumber step;  // steps up to this one are counted
    bool ended = false;
  };
  void Read(const std::vector<jobs::JobView>& listed, bool count)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountSteps(const jobs::JobView& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Source source_;
  Mutex mutex_;
  std::map<JobId, Seen> seen_ ABSL_GUARDED_BY(mutex_);
  uint64_t committed_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  metrics::Histogram round_seconds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::server::ops

#endif  // CONSILIUM_SERVER_OPS_SERVER_METRICS_H_
