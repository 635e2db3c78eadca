#include "client/policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace consilium::client::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using wire::Workload;

constexpr char kAnna[] = "spiffe://north/researcher/anna";

PolicyOptions Open() {
  PolicyOptions options;
  options.datasets = {"heart"};
  options.workloads = {"means", "variances", "train", "evaluate"};
  options.researchers = {"*"};
  options.min_rows = 20;
  options.min_cell = 5;
  return options;
}

job::JobSpec HeartJob() {
  job::JobSpec job;
  job.data.dataset = "heart";
  return job;
}

std::string RuleOf(const Decision& decision) {
  const auto* refuse = std::get_if<Refuse>(&decision);
  return refuse == nullptr ? "" : refuse->rule;
}
std::string MessageOf(const Decision& decision) {
  const auto* refuse = std::get_if<Refuse>(&decision);
  return refuse == nullptr ? "" : refuse->message;
}

Decision DecideFor(const PolicyOptions& options, const job::JobSpec& job,
                   std::optional<Workload> workload = std::nullopt,
                   std::optional<uint64_t> rows = std::nullopt) {
  return Policy(options).Decide({&job, kAnna, workload}, {rows});
}

TEST(Policy, AllowsWhatItLists) {
  EXPECT_EQ(RuleOf(DecideFor(Open(), HeartJob())), "");
  for (const Workload workload :
       {Workload::kMeans, Workload::kVariances, Workload::kTrain, Workload::kEvaluate}) {
    EXPECT_EQ(RuleOf(DecideFor(Open(), HeartJob(), workload, 20)), "");
  }
}

TEST(Policy, WithoutAnyRuleDeniesEverything) {
  EXPECT_EQ(RuleOf(DecideFor(PolicyOptions(), HeartJob())), "datasets");
}

TEST(Policy, EachListDeniesOnItsOwnWhenItIsEmpty) {
  PolicyOptions options = Open();
  options.datasets.clear();
  EXPECT_EQ(RuleOf(DecideFor(options, HeartJob())), "datasets");
  options = Open();
  options.workloads.clear();
  EXPECT_EQ(RuleOf(DecideFor(options, HeartJob())), "workloads");
  options = Open();
  options.researchers.clear();
  EXPECT_EQ(RuleOf(DecideFor(options, HeartJob())), "researchers");
}

TEST(Policy, DatasetsAreListedByNameNotByPattern) {
  PolicyOptions options = Open();
  options.datasets = {"*", "hear", "heart2"};
  EXPECT_EQ(RuleOf(DecideFor(options, HeartJob())), "datasets");
}

TEST(Policy, ResearchersAreListedByIdOrByItsLastPart) {
  PolicyOptions options = Open();
  for (const char* listed : {kAnna, "anna"}) {
    options.researchers = {listed};
    EXPECT_EQ(RuleOf(DecideFor(options, HeartJob())), "") << listed;
  }
  for (const char* listed : {"ann", "annaa", "researcher/anna", "spiffe://south/researcher/anna"}) {
    options.researchers = {listed};
    EXPECT_EQ(RuleOf(DecideFor(options, HeartJob())), "researchers") << listed;
  }
}

TEST(Policy, ANamelessResearcherIsAllowedOnlyByTheStar) {
  const job::JobSpec job = HeartJob();
  PolicyOptions options = Open();
  EXPECT_EQ(RuleOf(Policy(options).Decide({&job, "", std::nullopt}, {})), "");
  options.researchers = {"", "anna"};
  EXPECT_EQ(RuleOf(Policy(options).Decide({&job, "", std::nullopt}, {})), "researchers");
  EXPECT_EQ(RuleOf(Policy(options).Decide({&job, "spiffe://x/", std::nullopt}, {})), "researchers");
}

TEST(Policy, AdmissionAsksAboutEveryWorkloadTheJobWillComeTo) {
  PolicyOptions options = Open();
  options.workloads = {"train", "evaluate"};
  job::JobSpec job = HeartJob();
  EXPECT_EQ(RuleOf(DecideFor(options, job)), "workloads");
  job.data.standardize = job::Standardize::kSite;
  EXPECT_EQ(RuleOf(DecideFor(options, job)), "");
  options.workloads = {"train"};
  EXPECT_EQ(RuleOf(DecideFor(options, job)), "workloads");
}

TEST(Policy, EachTaskIsDecidedByItsOwnWorkload) {
  PolicyOptions options = Open();
  options.workloads = {"train"};
  EXPECT_EQ(RuleOf(DecideFor(options, HeartJob(), Workload::kTrain)), "");
  EXPECT_EQ(RuleOf(DecideFor(options, HeartJob(), Workload::kMeans)), "workloads");
}

TEST(Policy, TooFewRowsRefuseWithoutSayingHowMany) {
  EXPECT_EQ(RuleOf(DecideFor(Open(), HeartJob(), Workload::kTrain, 20)), "");
  const Decision decision = DecideFor(Open(), HeartJob(), Workload::kTrain, 17);
  EXPECT_EQ(RuleOf(decision), "min_rows");
  EXPECT_THAT(MessageOf(decision), HasSubstr("min_rows = 20"));
  EXPECT_THAT(MessageOf(decision), Not(HasSubstr("17")));
}

TEST(Policy, WithoutAJobRefuses) {
  EXPECT_NE(RuleOf(Policy(Open()).Decide({nullptr, kAnna, std::nullopt}, {})), "");
}

tensor::Layout StepLayout() {
  tensor::TensorSpec weights{.name = "weights", .shape = {3}};
  tensor::TensorSpec rows{.name = "eval.test.rows", .shape = {1}, .dtype = tensor::DType::kFloat64};
  rows.weighting = tensor::Weighting::kOne;
  rows.tag = tensor::Tag::kCount;
  tensor::TensorSpec loss = rows;
  loss.name = "eval.test.loss_sum";
  loss.tag = tensor::Tag::kSum;
  auto layout = tensor::Layout::Create({weights, rows, loss});
  EXPECT_TRUE(layout.ok()) << layout.status();
  return *layout;
}

TEST(PolicyRelease, StatisticsOnEnoughRowsLeave) {
  EXPECT_EQ(RuleOf(Policy(Open()).DecideRelease(StepLayout(), {100, 5, 5})), "");
}

TEST(PolicyRelease, StatisticsOnTooFewRowsAreRefusedByName) {
  const Decision count = Policy(Open()).DecideRelease(StepLayout(), {100, 4, 5});
  EXPECT_EQ(RuleOf(count), "min_cell");
  EXPECT_THAT(MessageOf(count), HasSubstr("`eval.test.rows`"));
  EXPECT_THAT(MessageOf(count), Not(HasSubstr("4")));
  const Decision sum = Policy(Open()).DecideRelease(StepLayout(), {100, 5, 1});
  EXPECT_THAT(MessageOf(sum), HasSubstr("`eval.test.loss_sum`"));
}

TEST(PolicyRelease, StatisticsOnNoRowAtAllSayNothingAndLeave) {
  EXPECT_EQ(RuleOf(Policy(Open()).DecideRelease(StepLayout(), {100, 0, 0})), "");
}

TEST(PolicyRelease, TheSmallestCellIsWhatTheConfigurationSays) {
  PolicyOptions options = Open();
  options.min_cell = 11;
  EXPECT_EQ(Policy(options).min_cell(), 11u);
  EXPECT_EQ(RuleOf(Policy(options).DecideRelease(StepLayout(), {100, 11, 11})), "");
  EXPECT_EQ(RuleOf(Policy(options).DecideRelease(StepLayout(), {100, 10, 11})), "min_cell");
}

TEST(PolicyRelease, UpdatesAreNotHeldToMinCell) {
  EXPECT_EQ(RuleOf(Policy(Open()).DecideRelease(StepLayout(), {1, 5, 5})), "");
}

TEST(PolicyRelease, WithoutItsSupportNothingLeaves) {
  EXPECT_EQ(RuleOf(Policy(Open()).DecideRelease(StepLayout(), {100, 5})), "min_cell");
  EXPECT_EQ(RuleOf(Policy(Open()).DecideRelease(StepLayout(), {})), "min_cell");
}

}  // namespace
}  // namespace consilium::client::policy
