#include "common/job/step_plan.h"

#include <gtest/gtest.h>

namespace consilium::job {
namespace {

using wire::Workload;

JobSpec SpecOf(Standardize standardize, uint32_t rounds) {
  JobSpec spec;
  spec.rounds = rounds;
  spec.data.standardize = standardize;
  return spec;
}

std::vector<StepKind> AllSteps(const JobSpec& spec) {
  std::vector<StepKind> steps;
  while (const auto next = StepAfter(spec, static_cast<uint32_t>(steps.size()))) {
    steps.push_back(*next);
  }
  return steps;
}

TEST(StepPlan, FederatedStandardisationBeginsWithMeansThenVariances) {
  const std::vector<StepKind> want = {{Workload::kMeans, RoundNumber()},
                                      {Workload::kVariances, RoundNumber()},
                                      {Workload::kTrain, RoundNumber(1)},
                                      {Workload::kTrain, RoundNumber(2)},
                                      {Workload::kEvaluate, RoundNumber()}};
  EXPECT_EQ(AllSteps(SpecOf(Standardize::kFederated, 2)), want);
}

TEST(StepPlan, OtherwiseTrainingComesFirstAndAnEvaluationLast) {
  const std::vector<StepKind> want = {{Workload::kTrain, RoundNumber(1)},
                                      {Workload::kEvaluate, RoundNumber()}};
  EXPECT_EQ(AllSteps(SpecOf(Standardize::kSite, 1)), want);
  EXPECT_EQ(AllSteps(SpecOf(Standardize::kNone, 1)), want);
}

TEST(StepPlan, CommitsOfCountsEveryStep) {
  for (const Standardize how : {Standardize::kFederated, Standardize::kSite, Standardize::kNone}) {
    const JobSpec spec = SpecOf(how, 7);
    EXPECT_EQ(AllSteps(spec).size(), CommitsOf(spec));
  }
}

TEST(StepPlan, NothingFollowsTheEnd) {
  const JobSpec spec = SpecOf(Standardize::kNone, 3);
  EXPECT_EQ(StepAfter(spec, 4), std::nullopt);
  EXPECT_EQ(StepAfter(spec, UINT32_MAX), std::nullopt);
}

}  // namespace
}  // namespace consilium::job
