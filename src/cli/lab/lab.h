// A federation on this machine: a real server and real clients as processes of their own, with real
// certificates, on free ports, in one folder.
//
//   <folder>/pki/            the lab's own authority
//   <folder>/server/         server.toml, data, log
//   <folder>/sites/<name>/   client.toml, data, log
//   <folder>/cli.toml        what `consilium` finds by itself
//   <folder>/pids            one line a process: pid, start time, name
// A lab is described by a lab file (examples/heart/lab.toml) or, without one, is four synthetic
// hospitals. One process uses a lab folder at a time.
#ifndef CONSILIUM_CLI_LAB_LAB_H_
#define CONSILIUM_CLI_LAB_LAB_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/context.h"

namespace consilium::cli {

inline constexpr size_t kMaxLabSites = 64;

struct LabOptions {
  std::string folder = "consilium-lab";
  std::string lab_file;  // empty: four synthetic hospitals
  std::string data;      // fills {data} of the lab file
};

struct LabProcess {
  int pid = 0;
  uint64_t started = 0;  // clock ticks after boot: a reused pid is not ours
  std::string name;      // "server", or a site
  bool alive = false;
};

// Starts what is not running, waits until every site is connected. kLab names the process that did
// not start, with the last lines of its log.
absl::Status LabUp(const Context& context, const LabOptions& options);
// Ends every process of the lab by its own pid: SIGTERM, then SIGKILL after ten seconds. Data
// stays.
absl::Status LabDown(const Context& context, const std::string& folder);
absl::Status LabStatus(const Context& context, const std::string& folder);

struct LabRunOptions {
  LabOptions lab;
  std::string job;     // job file
  bool alone = false;  // also trains each site by itself, for comparison
  std::string plot;    // SVG to write; empty: none
  bool keep = false;   // leave the lab running
};
// Up, submit, watch, the final table, down.
absl::Status LabRun(const Context& context, const LabRunOptions& options);

// ---- parts, for tests
// What a lab file says, with {index}, {name} and {data} not yet filled in.
struct LabPlan {
  std::string federation;
  std::vector<std::string> sites;
  std::string client;  // text of each client.toml after [client] and [tls]
  bool synthetic = false;
};
absl::StatusOr<LabPlan> ReadLabPlan(const LabOptions& options);
std::string FillIn(std::string_view text, const std::string& site, size_t index,
                   const std::string& data);
// The job with one participant, for `--alone`; other keys as they are. `file` is a valid job.
absl::StatusOr<std::string> JobForOneSite(std::string_view file, const std::string& site);
// Four hospitals that differ in size, age and prevalence: CSV text with the columns of
// examples/heart. The same seed gives the same bytes.
std::string SyntheticHospitals(uint64_t seed);

absl::StatusOr<std::vector<LabProcess>> ReadLabProcesses(const std::string& folder);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_LAB_LAB_H_
