#include "simulator/federation.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "client/policy/policy_config.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "tests/support/status_matchers.h"

namespace consilium::simulator {
namespace {

using client::data::Dataset;
using server::jobs::JobStatus;
using ::testing::HasSubstr;

// `rows` rows of one column, whose label is its sign.
class SignData final : public client::session::DatasetSource {
 public:
  explicit SignData(uint64_t rows) : dataset_(std::make_shared<Dataset>()) {
    dataset_->train.columns = dataset_->test.columns = 1;
    for (uint64_t i = 0; i < rows; ++i) {
      dataset_->train.x.push_back(static_cast<double>(i % 5) - 1.5);
      dataset_->train.y.push_back(i % 5 > 1 ? 1 : 0);
    }
    dataset_->test = dataset_->train;
  }
  std::vector<std::string> Names() const override { return {"signs"}; }
  absl::StatusOr<std::shared_ptr<const Dataset>> Load(const job::JobSpec&,
                                                      const client::data::ReadProgress&) override {
    return dataset_;
  }

 private:
  std::shared_ptr<Dataset> dataset_;
};

std::string Job(const std::string& participation, int rounds = 5) {
  return fmt::format(
      "name = \"signs\"\nrounds = {}\n[data]\ndataset = \"signs\"\nlabel = \"y\"\n"
      "features = [\"x\"]\nstandardize = \"none\"\n[model]\nkind = \"logistic\"\n"
      "[train]\nbatch_size = 5\n[participation]\n{}\n",
      rounds, participation);
}

SimulatedFederation::Options Sites(int count, Pace pace = {}) {
  SimulatedFederation::Options options;
  for (int i = 0; i < count; ++i) {
    SiteSetup& site = options.sites.emplace_back();
    site.site = SiteId(fmt::format("site-{:03}", i + 1));
    site.train_rows = site.test_rows = 10 + static_cast<uint64_t>(i % 3);
    site.datasets = std::make_shared<SignData>(site.train_rows);
    site.policy = {.datasets = {"signs"},
                   .workloads = client::policy::WorkloadNames(),
                   .researchers = {"*"},
                   .min_rows = 1,
                   .min_cell = 1};
  }
  options.pace = pace;
  return options;
}

absl::StatusOr<Finished> RunJob(SimulatedFederation::Options options, const std::string& file) {
  CN_ASSIGN_OR_RETURN(const auto federation, SimulatedFederation::Create(std::move(options)));
  CN_ASSIGN_OR_RETURN(const JobId job, federation->Submit(file, "job.toml"));
  return federation->Run(job);
}

TEST(SimulatedFederation, RunsAJobToItsEndWithEverybodyCounted) {
  ASSERT_OK_AND_ASSIGN(const Finished done, RunJob(Sites(20), Job("min_sites = 20")));
  EXPECT_EQ(done.view.status, JobStatus::kDone);
  ASSERT_EQ(done.view.steps.size(), 6u);
  for (const auto& step : done.view.steps) {
    EXPECT_EQ(step.sites.size(), 20u);
    for (const auto& site : step.sites) EXPECT_EQ(site.result, "counted");
  }
  EXPECT_GT(*done.view.steps.back().metrics.test->accuracy, 0.7);
}

TEST(SimulatedFederation, TheSameJobGivesTheSameBitsWhateverThePace) {
  const std::string job = Job("min_sites = 8");
  ASSERT_OK_AND_ASSIGN(const Finished first, RunJob(Sites(8), job));
  Pace slow;
  slow.slow = {0.5, 7};
  ASSERT_OK_AND_ASSIGN(const Finished second, RunJob(Sites(8, slow), job));
  EXPECT_EQ(first.view.state, second.view.state);
  EXPECT_EQ(first.view.job, second.view.job);
  EXPECT_GT(second.simulated, 5 * first.simulated);
}

TEST(SimulatedFederation, ARoundLastsAsLongAsItsSlowestSite) {
  Pace pace;
  pace.row_time = std::chrono::seconds(1);
  ASSERT_OK_AND_ASSIGN(const Finished done, RunJob(Sites(3, pace), Job("min_sites = 3", 1)));
  // One epoch, and training and test rows for the evaluation: 12 rows at most.
  EXPECT_EQ(done.view.steps[0].elapsed, std::chrono::seconds(3 * 12));
  EXPECT_EQ(done.view.steps[1].elapsed, std::chrono::seconds(2 * 12));
}

TEST(SimulatedFederation, ASlowSiteIsAliveAsLongAsItWorks) {
  Pace pace;
  pace.row_time = std::chrono::minutes(10);  // far beyond a progress lease
  ASSERT_OK_AND_ASSIGN(const Finished done,
                       RunJob(Sites(3, pace), Job("min_sites = 3\nround_deadline = \"24h\"", 2)));
  for (const auto& step : done.view.steps) {
    for (const auto& site : step.sites) EXPECT_EQ(site.result, "counted") << site.reason;
  }
}

TEST(SimulatedFederation, WithLocalTimeASlowSiteTakesFewerStepsAndHoldsUpNobody) {
  Pace pace;
  pace.row_time = std::chrono::seconds(1);
  pace.slow = {0.5, 5};
  std::string file = Job("min_sites = 4", 1);
  const size_t at = file.find("batch_size = 5");
  file.insert(at, "local_epochs = 4\nlocal_time = \"15s\"\n");
  ASSERT_OK_AND_ASSIGN(const Finished done, RunJob(Sites(4, pace), file));
  // Three steps of the quick, one of the slow; then an evaluation of 20 to 24 rows.
  EXPECT_LE(done.view.steps[0].elapsed, std::chrono::seconds(25 + 5 * 24));
  EXPECT_EQ(done.view.status, JobStatus::kDone);
}

TEST(SimulatedFederation, WithAGoalTheSlowAreLate) {
  Pace pace;
  pace.slow = {0.25, 100};
  ASSERT_OK_AND_ASSIGN(const Finished done,
                       RunJob(Sites(8, pace), Job("min_sites = 6\ngoal = 6\nselect = 1.4")));
  uint64_t late = 0;
  for (const auto& step : done.view.steps) {
    for (const auto& site : step.sites) late += site.result == "late" ? 1 : 0;
  }
  EXPECT_GT(late, 0u);
  EXPECT_EQ(done.view.rounds_committed, 5u);
}

TEST(SimulatedFederation, WhoDropsOutIsNamedAndComesBack) {
  Pace pace;
  pace.row_time = std::chrono::milliseconds(100);
  pace.drop = {0.3, std::chrono::minutes(2)};
  ASSERT_OK_AND_ASSIGN(const Finished done, RunJob(Sites(20, pace), Job("min_sites = 1", 20)));
  EXPECT_EQ(done.view.status, JobStatus::kDone);
  EXPECT_GT(done.dropped, 10u);
  uint64_t failed = 0;
  for (const auto& step : done.view.steps) {
    for (const auto& site : step.sites) failed += site.result == "failed" ? 1 : 0;
  }
  EXPECT_GT(failed, 0u);
  EXPECT_LE(failed, done.dropped);
  ASSERT_OK_AND_ASSIGN(const Finished again, RunJob(Sites(20, pace), Job("min_sites = 1", 20)));
  EXPECT_EQ(again.dropped, done.dropped);
  EXPECT_EQ(again.view.state, done.view.state);
}

TEST(SimulatedFederation, AJobThatWaitsForSitesThatAreNotThereSaysSo) {
  const auto done = RunJob(Sites(2), Job("min_sites = 5"));
  EXPECT_EQ(CodeOf(done.status()), ErrorCode::kJobFailed);
  EXPECT_THAT(std::string(done.status().message()), HasSubstr("min_sites=5"));
}

TEST(SimulatedFederation, AFailedJobIsAResultWithItsReason) {
  SimulatedFederation::Options options = Sites(3);
  options.site_half = [](const auto&...) -> absl::StatusOr<client::train::Contribution> {
    return Error(ErrorCode::kTrainingDiverged, "w is not finite");
  };
  ASSERT_OK_AND_ASSIGN(const Finished done,
                       RunJob(std::move(options), Job("min_sites = 1\nmax_failed_rounds = 2")));
  EXPECT_EQ(done.view.status, JobStatus::kFailed);
  EXPECT_THAT(done.view.reason, HasSubstr("3 rounds failed"));
}

TEST(SimulatedFederation, ABadJobFileIsRefusedWithItsPlace) {
  const auto done = RunJob(Sites(1), "name = \"x\"\nround = 1\n");
  EXPECT_EQ(CodeOf(done.status()), ErrorCode::kJobUnknownKey);
  EXPECT_EQ(PlaceOf(done.status())->line, 2);
}

TEST(SimulatedFederation, AThousandSitesTakePartInOneProcess) {
  ASSERT_OK_AND_ASSIGN(const Finished done,
                       RunJob(Sites(1000), Job("min_sites = 10\ngoal = 10", 3)));
  ASSERT_EQ(done.view.steps.size(), 4u);
  EXPECT_EQ(done.view.steps[0].sites.size(), 10u);
  EXPECT_EQ(done.view.steps[3].sites.size(), 1000u);
}

}  // namespace
}  // namespace consilium::simulator
