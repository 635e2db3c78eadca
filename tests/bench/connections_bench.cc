// Row 8: many live sites on one server: memory of each, how fast they come, and how soon all of
// them are back after the server was killed (SIGKILL) and started again.
//
// New connections against raw handshakes of the same certificates: CPU time of the server over CPU
// time of the floor's receiver, since this machine also dials.
#include "common/rpc/process.h"
#include "tests/bench/figures.h"
#include "tests/bench/lab.h"
#include "tests/bench/load_generator.h"
#include "tests/bench/raw_tls.h"
#include "tests/bench/tls_floor.h"

namespace consilium::bench {
namespace {

void Run(const Arguments& arguments) {
  const size_t count = arguments.full ? 10'000 : 2'000;
  constexpr size_t kHandshakes = 500;
  constexpr int kRepeats = 5;
  Lab lab({.work = arguments.work,
           .sites = count,
           .transport_memory = arguments.full ? "1GiB" : "96MiB"});
  TlsFloor floor(arguments.work, lab.server_files(), lab.SiteFiles(0));
  std::vector<double> floor_cpu, floor_wall;
  for (int i = 0; i < kRepeats; ++i) {
    const TlsFloor::Cost cost = floor.Run(kHandshakes, 0, {});
    floor_cpu.push_back(cost.cpu / kHandshakes);
    floor_wall.push_back(cost.wall / kHandshakes);
  }
  lab.StartServer();
  const auto sites_count = static_cast<double>(count);
  const double before = static_cast<double>(AnonymousBytesOf(lab.server_pid()));
  const double cpu = CpuSecondsOf(lab.server_pid());
  const double wall = WallSeconds();
  LoadGenerator sites(lab, {.sites = count});
  sites.WaitForWelcomes();
  const double each_wall = (WallSeconds() - wall) / sites_count;
  const double each_cpu = (CpuSecondsOf(lab.server_pid()) - cpu) / sites_count;
  const double held = static_cast<double>(AnonymousBytesOf(lab.server_pid())) - before;
  Print("row8.live_sites", sites_count, "sites");
  Print("row8.memory_each", held / sites_count / 1024, "KiB");
  Print("row8.connections_wall", 1 / each_wall, "1/s", 1 / Median(floor_wall),
        Median(floor_wall) / each_wall);
  Print("row8.connections_cpu", 1 / each_cpu, "1/cpu-s", 1 / Median(floor_cpu),
        Median(floor_cpu) / each_cpu);

  lab.server().Kill();
  const double killed = WallSeconds();
  lab.StartServer();
  const double listening = WallSeconds();
  sites.WaitForWelcomes(2);
  // The least it could take: the floor's handshakes, one after the other.
  const double raw = Median(floor_wall) * sites_count;
  const double back = WallSeconds() - killed;
  Print("row8.listens_after_kill", listening - killed, "s");
  Print("row8.all_back_after_kill", back, "s", raw, back / raw);
}

}  // namespace
}  // namespace consilium::bench

int main(int argc, char** argv) {
  using namespace consilium::bench;
  const Arguments arguments = ParseArguments(argc, argv);
  EnlargeSecureHeap();
  Must(consilium::rpc::InitProcess({}));
  Run(arguments);
  return 0;
}
