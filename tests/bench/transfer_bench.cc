// Rows 1, 2 and 9 (cost of durability): rounds of ten sites and a large model, against the floor
// that moves the same bytes.
//
//   row1.receive   server CPU from the first offer to the last receipt: received, hashed, spooled,
//                  verified, synced, journalled. The sites have the state in their caches.
//   row1.commit    server CPU from there to the last outcome: folded, stepped, committed.
//   row1.total     both.
//   row2           wall of the same round with the broadcast.
//   row9.durability wall and CPU of a round on disk over one with the data folder in memory.
#include <fmt/format.h>

#include "common/rpc/process.h"
#include "tests/bench/figures.h"
#include "tests/bench/lab.h"
#include "tests/bench/load_generator.h"
#include "tests/bench/tls_floor.h"

namespace consilium::bench {
namespace {

constexpr size_t kSites = 10;
constexpr uint32_t kRounds = 7;  // the first two warm up
constexpr uint64_t kFirstMeasured = 3;
constexpr double kGigabyte = 1e9;

struct Round {
  double receive_cpu = 0;
  double commit_cpu = 0;
  double wall = 0;
  double bytes = 0;
};

// Medians over the measured rounds of one job.
Round RunJob(Lab& lab, uint64_t parameters, bool fetch) {
  LoadGenerator sites(lab, {.sites = kSites, .fetch = fetch});
  sites.WaitForWelcomes();
  const JobId job = lab.Submit(JobText(parameters, kRounds, kSites));
  sites.WaitForLastOutcome(kRounds);
  lab.WaitUntilDone(job);
  std::vector<double> receive, commit, wall;
  for (const auto& [step, marks] : sites.marks()) {
    if (step.value() < kFirstMeasured || step.value() > kRounds) continue;
    receive.push_back(marks.receipted.cpu - marks.offered.first_cpu);
    commit.push_back(marks.outcome.cpu - marks.receipted.cpu);
    wall.push_back(marks.outcome.wall - marks.offered.first_wall);
  }
  return {Median(receive), Median(commit), Median(wall),
          static_cast<double>(sites.shared().bytes_accepted) / (kRounds + 1)};
}

void Run(const Arguments& arguments) {
  const uint64_t parameters = arguments.full ? 64'000'000 : 10'000'000;
  const Bytes payload(parameters * sizeof(float));
  std::vector<double> receive, total, commit, wall, floor_cpu, floor_wall, both_wall;
  std::vector<double> disk_cost;
  const int repeats = arguments.full ? 5 : 2;
  Lab lab({.work = arguments.work, .sites = kSites});
  lab.StartServer();
  TlsFloor floor(arguments.work, lab.server_files(), lab.SiteFiles(0));
  for (int i = 0; i < repeats; ++i) {
    for (int k = 0; k < 3; ++k) {
      const TlsFloor::Cost up = floor.Run(kSites, 0, payload);
      floor_cpu.push_back(up.cpu);
      both_wall.push_back(floor.Run(kSites, payload.size(), payload).wall);
    }
    const Round cached = RunJob(lab, parameters, /*fetch=*/false);
    receive.push_back(cached.receive_cpu);
    commit.push_back(cached.commit_cpu);
    total.push_back(cached.receive_cpu + cached.commit_cpu);
    wall.push_back(RunJob(lab, parameters, /*fetch=*/true).wall);
    disk_cost.push_back(cached.wall);
  }
  const double gigabytes = static_cast<double>(payload.size() * kSites) / kGigabyte;
  const double floor_each = Median(floor_cpu) / gigabytes;
  const auto row = [&](const char* name, const std::vector<double>& cpu) {
    Print(name, Median(cpu) / gigabytes, "cpu-s/GB", floor_each,
          Median(cpu) / gigabytes / floor_each);
  };
  row("row1.receive", receive);
  row("row1.commit", commit);
  row("row1.total", total);
  Print("row2.round_wall", Median(wall), "s", Median(both_wall), Median(wall) / Median(both_wall));
  lab.server().Stop();

  Lab in_memory({.work = arguments.work, .sites = kSites, .data_in_memory = true});
  in_memory.StartServer();
  const Round volatile_round = RunJob(in_memory, parameters, /*fetch=*/false);
  Print("row9.durability_wall", Median(disk_cost), "s", volatile_round.wall,
        Median(disk_cost) / volatile_round.wall);
  Print("row9.durability_cpu", Median(total), "s",
        volatile_round.receive_cpu + volatile_round.commit_cpu,
        Median(total) / (volatile_round.receive_cpu + volatile_round.commit_cpu));
}

}  // namespace
}  // namespace consilium::bench

int main(int argc, char** argv) {
  using namespace consilium::bench;
  const Arguments arguments = ParseArguments(argc, argv);
  Must(consilium::rpc::InitProcess({}));
  Run(arguments);
  return 0;
}
