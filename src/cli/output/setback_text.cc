#include "cli/output/setback_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output/figures.h"
#include "cli/output/job_json.h"
#include "cli/output/table.h"

namespace consilium::cli {
namespace {

// "round 7", "means"; empty: no step was open.
std::string StepOf(const v1::SetbackView& setback) {
  if (setback.workload() == v1::WORKLOAD_UNSPECIFIED) return "";
  if (setback.workload() == v1::WORKLOAD_TRAIN) return fmt::format("round {}", setback.round());
  return NameOf(setback.workload());
}

std::string Ago(const v1::JobView& job, const v1::SetbackView& setback) {
  const int64_t age = std::max<int64_t>(0, job.now_utc_ms() - setback.last_utc_ms());
  return FormatSeconds(static_cast<uint64_t>(age)) + " ago";
}

std::string ServerLine(const v1::JobView& job, const v1::SetbackView& setback) {
  std::string line =
      setback.count() == 1
          ? fmt::format("  server     restarted once during this job, {}", Ago(job, setback))
          : fmt::format("  server     restarted {} times during this job, last {}", setback.count(),
                        Ago(job, setback));
  const std::string step = StepOf(setback);
  if (step.empty()) return line + ", between two steps\n";
  return line + fmt::format("; {} went on with {} of {} updates\n", step, setback.accepted(),
                            setback.selected());
}

std::string SiteLine(const v1::JobView& job, const v1::SetbackView& setback) {
  const bool restart = setback.what() == "site_restarted";
  const std::string step = StepOf(setback);
  const std::string at = step.empty() ? "between two steps" : "at " + step;
  const std::string site = Printable(setback.site());
  if (setback.count() == 1) {
    return fmt::format("  site       {}: {} {}, {}\n", site,
                       restart ? "back after a restart" : "connected again", at, Ago(job, setback));
  }
  return fmt::format("  site       {}: {} {} times, last {}, {}\n", site,
                     restart ? "back after restarts" : "connected again", setback.count(), at,
                     Ago(job, setback));
}

}  // namespace

std::string SetbackLines(const v1::JobView& job) {
  std::string server;
  std::string sites;
  int lines = 0;
  for (const auto& setback : job.setbacks()) {
    if (setback.what() == "server_restarted") {
      server += ServerLine(job, setback);
    } else if (++lines <= kMaxSetbackLines) {
      sites += SiteLine(job, setback);
    }
  }
  if (lines > kMaxSetbackLines) {
    sites +=
        fmt::format("  site       ... and {} more (--json names them)\n", lines - kMaxSetbackLines);
  }
  return server + sites;
}

}  // namespace consilium::cli
