// Row 6: rounds a second of ten sites and a thousand parameters, mTLS, durable.
//
// On the disk, and with the data folder in memory, where a sync costs nothing: the difference is
// the disk's. The disk's own figure is the median of an append of 4 KiB with fdatasync.
#include <fcntl.h>
#include <unistd.h>

#include "common/base/check.h"
#include "common/rpc/process.h"
#include "tests/bench/figures.h"
#include "tests/bench/lab.h"
#include "tests/bench/load_generator.h"

namespace consilium::bench {
namespace {

constexpr size_t kSites = 10;
constexpr uint64_t kParameters = 1000;
constexpr int kRepeats = 5;

double SyncSeconds(const std::string& folder) {
  constexpr int kSyncs = 50;
  constexpr size_t kPage = 4096;
  constexpr mode_t kMode = 0600;
  const std::string path = folder + "/sync";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  CN_CHECK(file >= 0);
  const Bytes page(kPage);
  std::vector<double> times;
  for (int i = 0; i < kSyncs; ++i) {
    const double start = WallSeconds();
    CN_CHECK(write(file, page.data(), page.size()) == static_cast<ssize_t>(page.size()));
    CN_CHECK(fdatasync(file) == 0);
    times.push_back(WallSeconds() - start);
  }
  close(file);
  unlink(path.c_str());
  return Median(times);
}

struct Speed {
  double rounds_per_second = 0;
  double server_cpu_ms = 0;  // a round
};

Speed RunJob(Lab& lab, uint32_t rounds) {
  LoadGenerator sites(lab, {.sites = kSites});
  sites.WaitForWelcomes();
  const JobId job = lab.Submit(JobText(kParameters, rounds, kSites));
  sites.WaitForLastOutcome(rounds);
  lab.WaitUntilDone(job);
  const auto marks = sites.marks();
  const uint32_t first = rounds / 10 + 1;  // the first tenth warms up
  const StepMarks& from = marks.at(StepNumber(first));
  const StepMarks& to = marks.at(StepNumber(rounds));
  const double counted = rounds - first;
  return {counted / (to.outcome.wall - from.outcome.wall),
          (to.outcome.cpu - from.outcome.cpu) / counted * 1e3};
}

void Measure(const Arguments& arguments, bool in_memory, const char* name) {
  Lab lab({.work = arguments.work, .sites = kSites, .data_in_memory = in_memory});
  lab.StartServer();
  std::vector<double> speed, cpu;
  for (int i = 0; i < kRepeats; ++i) {
    const Speed one = RunJob(lab, arguments.full ? 2000 : 200);
    speed.push_back(one.rounds_per_second);
    cpu.push_back(one.server_cpu_ms);
  }
  Print(std::string("row6.rounds_") + name, Median(speed), "rounds/s");
  Print(std::string("row6.server_cpu_") + name, Median(cpu), "ms/round");
}

}  // namespace
}  // namespace consilium::bench

int main(int argc, char** argv) {
  using namespace consilium::bench;
  const Arguments arguments = ParseArguments(argc, argv);
  Must(consilium::rpc::InitProcess({}));
  Print("row6.fdatasync", SyncSeconds(arguments.work) * 1e3, "ms");
  Measure(arguments, /*in_memory=*/false, "on_disk");
  Measure(arguments, /*in_memory=*/true, "in_memory");
  return 0;
}
