// Row 12: a tenth of the sites ten times slower, on the simulator's clock: time until the model is
// as good as a target, plain synchronous rounds over a buffer (fedbuff).
//
// Softmax regression on MNIST, 100 sites of two digits each (McMahan et al. 2017, section 3), 40
// rounds; three draws of who is slow. The time is that of the training rounds; the model that a
// round starts from has the accuracy. The data is $CONSILIUM_DATA, else ../shared/data.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bounded_queue.h"
#include "tests/bench/child.h"
#include "tests/bench/figures.h"

namespace consilium::bench {
namespace {

constexpr double kTargets[] = {0.80, 0.82, 0.84};

constexpr const char* kTop = R"(name = "digits"
rounds = 40
[data]
dataset = "digits"
label = { name = "label", levels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
features = [{ name = "pixel", count = 784 }]
standardize = "none"
[model]
kind = "softmax"
[train]
learning_rate = 0.02
batch_size = 50
)";
constexpr const char* kPlain = "[participation]\nmin_sites = 100\n";
constexpr const char* kBuffered =
    "[aggregation]\nstrategy = \"fedbuff\"\nbuffer = 90\nmax_staleness = 20\n";

struct Setting {
  std::string work;
  std::string mnist;
  int seed = 1;
};

// The training rounds of a simulation, as its run.json tells them.
nlohmann::json StepsOf(const Setting& setting, const char* rest) {
  const std::string job = setting.work + "/digits.toml", out = setting.work + "/run";
  std::ofstream(job) << kTop << rest;
  std::filesystem::remove_all(out);
  Child child;
  child.Start({"consilium-simulate",
               job,
               "--data",
               setting.mnist + "train-images-idx3-ubyte.gz",
               "--labels",
               setting.mnist + "train-labels-idx1-ubyte.gz",
               "--test-data",
               setting.mnist + "t10k-images-idx3-ubyte.gz",
               "--test-labels",
               setting.mnist + "t10k-labels-idx1-ubyte.gz",
               "--sites",
               "100",
               "--partition",
               "shards:2",
               "--slow",
               "0.1:10",
               "--seed",
               std::to_string(setting.seed),
               "--out",
               out},
              setting.work + "/simulate.log");
  BoundedQueue<bool> never(1);
  while (!child.HasEnded()) never.PopFor(std::chrono::milliseconds(10));
  std::ifstream file(out + "/run.json");
  const nlohmann::json run = nlohmann::json::parse(file, nullptr, false);
  if (run.is_discarded()) {
    fmt::print(stderr, "stragglers_bench: the simulation failed: {}/simulate.log\n", setting.work);
    std::exit(1);
  }
  return run["data"]["steps"];
}

// Seconds of training until a round starts from a model of at least this accuracy.
std::optional<double> TimeTo(double accuracy, const nlohmann::json& steps) {
  double seconds = 0;
  for (const nlohmann::json& step : steps) {
    if (step["workload"] != "train") continue;
    if (step["metrics"]["test"]["accuracy"].get<double>() >= accuracy) return seconds;
    seconds += step["elapsed_ms"].get<double>() / 1000;
  }
  return std::nullopt;
}

void Run(const Arguments& arguments) {
  const char* given = std::getenv("CONSILIUM_DATA");
  const std::string mnist = std::string(given == nullptr ? "../shared/data" : given) + "/mnist/";
  if (!std::filesystem::exists(mnist + "train-images-idx3-ubyte.gz")) {
    fmt::print(stderr, "stragglers_bench: no MNIST in {}; set CONSILIUM_DATA\n", mnist);
    std::exit(1);
  }
  std::vector<nlohmann::json> plain, buffered;
  for (const int seed : {1, 2, 3}) {
    plain.push_back(StepsOf({arguments.work, mnist, seed}, kPlain));
    buffered.push_back(StepsOf({arguments.work, mnist, seed}, kBuffered));
  }
  for (const double target : kTargets) {
    std::vector<double> ours, theirs, ratios;
    for (size_t i = 0; i < plain.size(); ++i) {
      const auto slow = TimeTo(target, plain[i]), quick = TimeTo(target, buffered[i]);
      if (!slow || !quick) continue;
      theirs.push_back(*slow);
      ours.push_back(*quick);
      ratios.push_back(*slow / *quick);
    }
    if (ratios.empty()) {
      fmt::print(stderr, "stragglers_bench: no run came to an accuracy of {}\n", target);
      std::exit(1);
    }
    Print(fmt::format("row12.time_to_{:.2f}", target), Median(ours), "s", Median(theirs),
          Median(ratios));
  }
}

}  // namespace
}  // namespace consilium::bench

int main(int argc, char** argv) {
  consilium::bench::Run(consilium::bench::ParseArguments(argc, argv));
}
