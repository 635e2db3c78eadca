// Row 3: the most anonymous memory the server held, over the bytes of the model; and how it grows
// with every further site.
#include <fmt/format.h>

#include "common/rpc/process.h"
#include "tests/bench/figures.h"
#include "tests/bench/lab.h"
#include "tests/bench/load_generator.h"

namespace consilium::bench {
namespace {

constexpr uint32_t kRounds = 2;

// Of a fresh server, over a whole job: start, broadcast, uploads, commits.
uint64_t PeakOf(const Arguments& arguments, uint64_t parameters, size_t site_count) {
  Lab lab({.work = arguments.work, .sites = site_count});
  lab.StartServer();
  LoadGenerator sites(lab, {.sites = site_count});
  sites.WaitForWelcomes();
  PeakMemory peak(lab.server_pid());
  const JobId job = lab.Submit(JobText(parameters, kRounds, site_count));
  sites.WaitForLastOutcome(kRounds);
  lab.WaitUntilDone(job);
  return peak.Stop();
}

void Run(const Arguments& arguments) {
  const uint64_t parameters = arguments.full ? 64'000'000 : 25'000'000;
  const size_t few = arguments.full ? 10 : 2;
  const size_t many = arguments.full ? 100 : 8;
  const double model = static_cast<double>(parameters) * sizeof(float);
  const auto of_few = static_cast<double>(PeakOf(arguments, parameters, few));
  const auto of_many = static_cast<double>(PeakOf(arguments, parameters, many));
  Print(fmt::format("row3.peak_{}_sites", few), of_few / 1e6, "MB", model / 1e6, of_few / model);
  Print(fmt::format("row3.peak_{}_sites", many), of_many / 1e6, "MB", model / 1e6, of_many / model);
  const double slope = (of_many - of_few) / static_cast<double>(many - few);
  Print("row3.each_further_site", slope / 1e6, "MB", model / 1e6, slope / model);
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
