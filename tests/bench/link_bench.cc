// Row 14: one site over a link of 70 ms round trip: bytes a second over the link's rate, up (from
// the offer to the receipt) and down.
#include <fmt/format.h>

#include "common/rpc/process.h"
#include "tests/bench/delay_proxy.h"
#include "tests/bench/figures.h"
#include "tests/bench/lab.h"
#include "tests/bench/load_generator.h"

namespace consilium::bench {
namespace {

constexpr Duration kOneWay = std::chrono::milliseconds(35);
constexpr uint32_t kRounds = 6;
constexpr uint64_t kParameters = 10'000'000;

// From the offer to the receipt, median over the rounds of a job.
double SecondsOfRound(Lab& lab, const DelayProxy& proxy, bool fetch) {
  LoadGenerator site(lab, {.sites = 1, .fetch = fetch, .target = proxy.target()});
  site.WaitForWelcomes();
  const JobId job = lab.Submit(JobText(kParameters, kRounds, 1));
  site.WaitForLastOutcome(kRounds);
  lab.WaitUntilDone(job);
  std::vector<double> seconds;
  for (const auto& [step, marks] : site.marks()) {
    if (step.value() > kRounds) continue;  // the evaluation has no model
    seconds.push_back(marks.receipted.wall - marks.offered.first_wall);
  }
  return Median(seconds);
}

void Measure(const Arguments& arguments, double megabits) {
  const double rate = megabits * 1e6 / 8;
  Lab lab({.work = arguments.work, .sites = 1});
  lab.StartServer();
  const int port = std::stoi(lab.target().substr(lab.target().rfind(':') + 1));
  DelayProxy proxy(port, {kOneWay, rate});
  const double up = SecondsOfRound(lab, proxy, /*fetch=*/false);
  const double both = SecondsOfRound(lab, proxy, /*fetch=*/true);
  const double bytes = static_cast<double>(kParameters * sizeof(float));
  Print(fmt::format("row14.up_{:.0f}mbit", megabits), bytes / up / 1e6, "MB/s", rate / 1e6,
        bytes / up / rate);
  Print(fmt::format("row14.down_{:.0f}mbit", megabits), bytes / (both - up) / 1e6, "MB/s",
        rate / 1e6, bytes / (both - up) / rate);
}

}  // namespace
}  // namespace consilium::bench

int main(int argc, char** argv) {
  using namespace consilium::bench;
  const Arguments arguments = ParseArguments(argc, argv);
  Must(consilium::rpc::InitProcess({}));
  Measure(arguments, 100);
  Measure(arguments, 200);
  if (arguments.full) Measure(arguments, 400);
  return 0;
}
