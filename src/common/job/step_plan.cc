#include "common/job/step_plan.h"

namespace consilium::job {
namespace {

uint32_t StatisticsPasses(const JobSpec& spec) {
  return spec.data.standardize == Standardize::kFederated ? 2 : 0;
}

}  // namespace

uint32_t CommitsOf(const JobSpec& spec) { return StatisticsPasses(spec) + spec.rounds + 1; }

std::optional<StepKind> StepAfter(const JobSpec& spec, uint32_t commits) {
  const uint32_t passes = StatisticsPasses(spec);
  if (commits < passes) {
    return StepKind{commits == 0 ? wire::Workload::kMeans : wire::Workload::kVariances,
                    RoundNumber()};
  }
  const uint32_t rounds = commits - passes;
  if (rounds < spec.rounds) return StepKind{wire::Workload::kTrain, RoundNumber(rounds + 1)};
  if (rounds == spec.rounds) return StepKind{wire::Workload::kEvaluate, RoundNumber()};
  return std::nullopt;
}

}  // namespace consilium::job
