// Row 13: softmax regression on MNIST, 1,000 sites of the simulator, 10 a round, 100 rounds: the
// whole command, with reading the data. The data is $CONSILIUM_DATA, else ../shared/data.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/bounded_queue.h"
#include "tests/bench/child.h"
#include "tests/bench/figures.h"

namespace consilium::bench {
namespace {

constexpr int kRuns = 5;

constexpr const char* kJob = R"(name = "digits"
rounds = 100
[data]
dataset = "digits"
label = { name = "label", levels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
features = [{ name = "pixel", count = 784 }]
standardize = "none"
[model]
kind = "softmax"
[train]
learning_rate = 0.1
batch_size = 10
[participation]
goal = 10
min_sites = 10
)";

// Of the children that have ended.
double ChildrenCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Run(int argc, char** argv) {
  const Arguments arguments = ParseArguments(argc, argv);
  const char* given = std::getenv("CONSILIUM_DATA");
  const std::string mnist = std::string(given == nullptr ? "../shared/data" : given) + "/mnist/";
  if (!std::filesystem::exists(mnist + "train-images-idx3-ubyte.gz")) {
    fmt::print(stderr, "simulate_bench: no MNIST in {}; set CONSILIUM_DATA\n", mnist);
    std::exit(1);
  }
  const std::string job = arguments.work + "/digits.toml", log = arguments.work + "/simulate.log";
  std::ofstream(job) << kJob;
  std::vector<double> walls, cpus;
  uint64_t most = 0;
  for (int run = 0; run < kRuns; ++run) {
    const double wall = WallSeconds(), cpu = ChildrenCpuSeconds();
    Child child;
    child.Start({"consilium-simulate", job, "--data", mnist + "train-images-idx3-ubyte.gz",
                 "--labels", mnist + "train-labels-idx1-ubyte.gz", "--test-data",
                 mnist + "t10k-images-idx3-ubyte.gz", "--test-labels",
                 mnist + "t10k-labels-idx1-ubyte.gz", "--sites", "1000", "--partition", "shards:2"},
                log);
    PeakMemory memory(child.pid());
    BoundedQueue<bool> never(1);
    while (!child.HasEnded()) never.PopFor(std::chrono::milliseconds(1));
    walls.push_back(WallSeconds() - wall);
    most = std::max(most, memory.Stop());
    child.Kill();
    cpus.push_back(ChildrenCpuSeconds() - cpu);
  }
  Print("row13.wall", Median(walls), "s");
  Print("row13.cpu", Median(cpus), "s");
  Print("row13.memory", static_cast<double>(most) / 1e6, "MB");
}

}  // namespace
}  // namespace consilium::bench

int main(int argc, char** argv) { consilium::bench::Run(argc, argv); }
