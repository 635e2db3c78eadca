#include "tests/simulation/simulated_job.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "common/base/random.h"

namespace consilium::simulation {
namespace {

// By the seed's last digit: nothing beside the model, the server's moments, vectors at the sites.
// (Those of the regression seeds are as they were found.)
constexpr const char* kStrategies[] = {"fedadam", "fedavg", "scaffold", "fedavg",  "fedavg",
                                       "fedavg",  "feddyn", "scaffold", "fednova", "fedavg"};

// Where late updates count: means over rows.
constexpr const char* kStrategiesOfLate[] = {"fednova", "fedavg", "fedadam"};

}  // namespace

Late::Late(uint64_t seed) {
  uint64_t state = seed * 0x9e3779b97f4a7c15u;
  const auto below = [&state](uint64_t most) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % most;
  };
  if (below(3) != 0) return;
  more_rounds = static_cast<uint32_t>(1 + below(3));
  lines = "late = \"next_round\"\n";
  if (below(2) == 0) lines += "staleness = [50000, 7]\n";
  if (below(2) == 0) lines += "goal = 3\nselect = 2\n";  // at least min_sites
  if (below(4) == 0) {
    buffered = true;
    lines = "[aggregation]\nstrategy = \"fedbuff\"\nbuffer = 3\nmax_staleness = 2\n";
  }
}

Otherwise::Otherwise(uint64_t seed, bool late, bool lenient) {
  if (seed < 1000 || late) return;
  Random random(seed ^ 0x0773u);
  constexpr const char* kRules[] = {"median", "geometric_median", "norm_clip", "centred_clip"};
  if (random.Below(3) == 0) rule = kRules[random.Below(std::size(kRules))];
  constexpr const char* kDraws[] = {
      "",
      "goal = 3\nselect = 2\nsampling = \"weighted\"\nsite_weights = { site-a = 5, site-b = 2 "
      "}\n",
      "goal = 3\nselect = 1.5\nsampling = \"tags\"\ntags = { near = [\"site-a\"], "
      "far = [\"site-b\", \"site-c\"] }\n",
      "sampling = \"poisson\"\nsampling_rate = 0.8\n"};
  // Poisson wants a job that waits: a small draw is no fault.
  participation = kDraws[random.Below(lenient ? 3 : 4)];
}

std::string StrategyLines(uint64_t seed, bool late, const Otherwise& otherwise) {
  if (!otherwise.rule.empty()) {
    return fmt::format("[aggregation]\nstrategy = \"{}\"\nrule = \"{}\"",
                       seed % 2 == 0 ? "fedavg" : "fedadam", otherwise.rule);
  }
  const std::string_view strategy = late ? kStrategiesOfLate[seed % std::size(kStrategiesOfLate)]
                                         : kStrategies[seed % std::size(kStrategies)];
  // These remember something of every site, and a draw leaves some out.
  const bool counts_sites = strategy == "scaffold" || strategy == "feddyn";
  return fmt::format("[aggregation]\nstrategy = \"{}\"{}", strategy,
                     counts_sites && !otherwise.participation.empty() ? "\npopulation = 5" : "");
}

std::string PersonalLines(uint64_t seed, bool plain) {
  const std::string_view strategy = kStrategies[seed % std::size(kStrategies)];
  if (seed % 7 != 1 || plain || strategy == "scaffold" || strategy == "feddyn") return "";
  return "\n[personal]\nmethod = \"ditto\"";
}

}  // namespace consilium::simulation
