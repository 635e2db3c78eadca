#include "server/ops/server_metrics.h"

#include <array>
#include <utility>

#include "common/metrics/exposition.h"

namespace consilium::server::ops {
namespace {

using jobs::JobStatus;
using metrics::Exposition;

const std::vector<double>& RoundBounds() {
  static const std::vector<double> bounds = {0.05, 0.1, 0.25, 0.5, 1,   2.5,  5,   10,
                                             30,   60,  120,  300, 600, 1800, 3600};
  return bounds;
}

bool HasEnded(JobStatus status) {
  return status == JobStatus::kDone || status == JobStatus::kFailed ||
         status == JobStatus::kCancelled;
}

void WriteJobs(const std::vector<jobs::JobView>& listed, Exposition& out) {
  constexpr std::array kAll = {JobStatus::kQueued, JobStatus::kRunning, JobStatus::kWaiting,
                               JobStatus::kDone,   JobStatus::kFailed,  JobStatus::kCancelled};
  std::map<JobStatus, uint64_t> counts;
  for (const jobs::JobView& job : listed) ++counts[job.status];
  for (const JobStatus status : kAll) {
    out.Gauge("consilium_jobs", "Jobs by status.", static_cast<double>(counts[status]),
              {{"status", NameOf(status)}});
  }
}

void WriteSites(const std::vector<registry::SiteStatus>& sites, Exposition& out) {
  double connected = 0;
  for (const registry::SiteStatus& site : sites) connected += site.connected ? 1 : 0;
  out.Gauge("consilium_sites_known", "Sites that ever attended.",
            static_cast<double>(sites.size()));
  out.Gauge("consilium_sites_connected", "Sites with an open stream.", connected);
}

}  // namespace

ServerMetrics::ServerMetrics(Source source)
    : source_(std::move(source)), round_seconds_(RoundBounds()) {
  const auto listed = source_.list();
  MutexLock lock(mutex_);
  Read(listed, /*count=*/false);
}

std::string ServerMetrics::Scrape() {
  const auto listed = source_.list();
  Exposition out;
  out.Gauge("consilium_build_info", "The version that runs.", 1, {{"version", source_.version}});
  WriteJobs(listed, out);
  WriteSites(source_.sites(), out);
  {
    MutexLock lock(mutex_);
    Read(listed, /*count=*/true);
    for (const auto& [result, rounds] :
         {std::pair("committed", committed_), std::pair("failed", failed_)}) {
      out.Counter("consilium_rounds_total", "Rounds that ended, by result.",
                  static_cast<double>(rounds), {{"result", result}});
    }
    out.AddHistogram("consilium_round_seconds", "From the start of a round to its end.",
                     round_seconds_);
  }
  out.Counter("consilium_update_bytes_received_total", "Bytes of updates written.",
              static_cast<double>(source_.update_bytes()));
  out.Gauge("consilium_uploads_open", "Updates being received.",
            static_cast<double>(source_.open_uploads()));
  out.Gauge("consilium_download_memory_bytes", "Bytes of states on their way, in memory.",
            static_cast<double>(source_.download_bytes()));
  const Disk disk = source_.disk();
  for (const auto& [kind, bytes] : disk.bytes) {
    out.Gauge("consilium_store_bytes", "Bytes in the data folder, by kind of file.",
              static_cast<double>(bytes), {{"kind", kind}});
  }
  out.Gauge("consilium_disk_ok", "1, or 0 while the disk refuses.", disk.ok ? 1 : 0);
  return out.Text();
}

void ServerMetrics::Read(const std::vector<jobs::JobView>& listed, bool count) {
  std::map<JobId, Seen> before;
  before.swap(seen_);  // jobs that are no longer listed are forgotten
  for (const jobs::JobView& job : listed) {
    const auto known = before.find(job.job);
    Seen seen = known == before.end() ? Seen{} : known->second;
    const bool first_look = known == before.end() && !count;
    if (!seen.ended && !(first_look && HasEnded(job.status))) {
      if (const auto shown = source_.show(job.job, seen.step); shown.ok()) {
        if (count) CountSteps(*shown);
        if (!shown->steps.empty()) seen.step = shown->steps.back().step;
      }
    }
    seen.ended = HasEnded(job.status);
    seen_.emplace(job.job, seen);
  }
}

void ServerMetrics::CountSteps(const jobs::JobView& job) {
  for (const jobs::StepView& step : job.steps) {
    if (step.workload != wire::Workload::kTrain) continue;
    ++(step.committed ? committed_ : failed_);
    round_seconds_.Observe(std::chrono::duration<double>(step.elapsed).count());
  }
}

}  // namespace consilium::server::ops
