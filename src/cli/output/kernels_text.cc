#include "cli/output/kernels_text.h"

#include <fmt/format.h>

#include <map>
#include <utility>
#include <vector>

#include "cli/output/table.h"

namespace consilium::cli {
namespace {

// Rounds in the order of a job's steps. A failed one is there again under the same number.
class RoundRuns {
 public:
  void Add(uint64_t round) {
    if (!runs_.empty() && round <= runs_.back().second + 1) {
      runs_.back().second = round;
    } else {
      runs_.emplace_back(round, round);
    }
  }
  std::string Text() const {
    std::string text;
    for (const auto& [first, last] : runs_) {
      if (!text.empty()) text += ", ";
      text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    }
    return text;
  }

 private:
  std::vector<std::pair<uint64_t, uint64_t>> runs_;
};

}  // namespace

std::string KernelsTable(const Terminal& terminal, const v1::JobView& job) {
  std::map<std::pair<std::string, std::string>, RoundRuns> ran;  // by site and kernel
  for (const auto& step : job.steps()) {
    if (step.workload() != v1::WORKLOAD_TRAIN) continue;
    for (const auto& site : step.sites()) {
      if (!site.kernel().empty()) ran[{site.site(), site.kernel()}].Add(step.round());
    }
  }
  if (ran.empty()) return "";
  Table table({{"SITE"}, {"TRAINING KERNEL"}, {"ROUNDS"}});
  for (const auto& [who, rounds] : ran) {
    table.AddRow({who.first, Printable(who.second), rounds.Text()});
  }
  return table.Render(terminal);
}

}  // namespace consilium::cli
