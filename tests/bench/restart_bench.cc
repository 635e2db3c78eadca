// Row 9: the server is killed (SIGKILL) when half of a round's bytes have come, and started again
// at once. What it costs: the added time over an undisturbed round, and the bytes sent twice.
#include "common/base/bounded_queue.h"
#include "common/rpc/process.h"
#include "tests/bench/figures.h"
#include "tests/bench/lab.h"
#include "tests/bench/load_generator.h"

namespace consilium::bench {
namespace {

constexpr size_t kSites = 10;
constexpr uint32_t kRounds = 5;
constexpr uint64_t kKilledRound = 4;
constexpr int kRepeats = 5;

struct Damage {
  double added = 0;   // seconds
  double quiet = 0;   // seconds, an undisturbed round
  double resent = 0;  // bytes over the bytes of a round
};

Damage KillOnce(const Arguments& arguments, uint64_t parameters) {
  Lab lab({.work = arguments.work, .sites = kSites});
  lab.StartServer();
  LoadGenerator sites(lab, {.sites = kSites});
  sites.WaitForWelcomes();
  const JobId job = lab.Submit(JobText(parameters, kRounds, kSites));
  const double round_bytes = static_cast<double>(parameters * sizeof(float) * kSites);
  sites.WaitForReceipts(StepNumber(kKilledRound - 1), kSites);
  const auto half = static_cast<uint64_t>(round_bytes * (kKilledRound - 0.5));
  while (sites.shared().bytes_sent < half) {
    BoundedQueue<bool>(1).PopFor(std::chrono::milliseconds(1));
  }
  lab.server().Kill();
  lab.StartServer();
  sites.WaitForLastOutcome(kRounds);
  lab.WaitUntilDone(job);
  std::vector<double> quiet;
  const auto marks = sites.marks();
  const auto wall_of = [&](uint64_t round) {
    return marks.at(StepNumber(round)).outcome.wall - marks.at(StepNumber(round - 1)).outcome.wall;
  };
  for (uint64_t round = 2; round <= kRounds; ++round) {
    if (round != kKilledRound) quiet.push_back(wall_of(round));
  }
  const LoadShared& load = sites.shared();
  return {wall_of(kKilledRound) - Median(quiet), Median(quiet),
          static_cast<double>(load.bytes_sent - load.bytes_accepted) / round_bytes};
}

void Run(const Arguments& arguments) {
  const uint64_t parameters = arguments.full ? 25'000'000 : 10'000'000;
  std::vector<double> added, quiet, resent;
  for (int i = 0; i < kRepeats; ++i) {
    const Damage damage = KillOnce(arguments, parameters);
    added.push_back(damage.added);
    quiet.push_back(damage.quiet);
    resent.push_back(damage.resent);
  }
  Print("row9.added_time", Median(added), "s", Median(quiet), Median(added) / Median(quiet));
  Print("row9.resent", Median(resent) * 100, "%", 0);
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
