#include "cli/output/job_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/output/job_json.h"

namespace consilium::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::SiteStepView* AddSite(v1::StepView& step, const char* name, const char* result) {
  v1::SiteStepView* site = step.add_sites();
  site->set_site(name);
  site->set_result(result);
  return site;
}

void SetTest(v1::MetricsView* metrics, uint64_t rows, double accuracy, double auc) {
  metrics->mutable_test()->set_rows(rows);
  metrics->mutable_test()->set_loss(0.5);
  metrics->mutable_test()->set_accuracy(accuracy);
  metrics->mutable_test()->set_auc(auc);
}

v1::JobView JobWithRounds() {
  v1::JobView job;
  job.set_job_id("00112233445566aa");
  job.set_name("heart");
  job.set_status(v1::JOB_STATUS_DONE);
  job.set_rounds(2);
  for (uint64_t round = 1; round <= 2; ++round) {
    v1::StepView* step = job.add_steps();
    step->set_step(round);
    step->set_workload(v1::WORKLOAD_TRAIN);
    step->set_round(round);
    step->set_committed(true);
    step->mutable_metrics()->mutable_train()->set_rows(10);
    step->mutable_metrics()->mutable_train()->set_loss(1.0 / static_cast<double>(round));
    AddSite(*step, "a", "counted");
  }
  v1::StepView* evaluation = job.add_steps();
  evaluation->set_step(3);
  evaluation->set_workload(v1::WORKLOAD_EVALUATE);
  evaluation->set_committed(true);
  SetTest(AddSite(*evaluation, "a", "counted")->mutable_metrics(), 100, 0.8, 0.9);
  SetTest(AddSite(*evaluation, "b", "counted")->mutable_metrics(), 20, 0.6, 0.7);
  SetTest(evaluation->mutable_metrics(), 120, 0.7667, 0.88);
  return job;
}

TEST(StepLine, SaysRoundSitesAndLoss) {
  const v1::JobView job = JobWithRounds();
  const std::string line = StepLine(Terminal::Plain(), job.steps(0), 2);
  EXPECT_THAT(line, HasSubstr("round 1"));
  EXPECT_THAT(line, HasSubstr("1/1 sites"));
  EXPECT_THAT(line, HasSubstr("loss 1.0000"));
}

TEST(Exceptions, NamesEverySiteThatWasNotCounted) {
  v1::StepView step;
  AddSite(step, "a", "counted");
  AddSite(step, "b", "late")->set_reason("no progress for 60.0s");
  const std::string text = Exceptions(Terminal::Plain(), step);
  EXPECT_THAT(text, HasSubstr("b late: no progress for 60.0s"));
  EXPECT_THAT(text, Not(HasSubstr("a counted")));
}

TEST(FinalTable, MeanOfSitesIsUnweightedAndAllRowsAreTheServers) {
  const v1::JobView job = JobWithRounds();
  const std::string table = FinalTable(Terminal::Plain(), *EvaluationOf(job), {});
  EXPECT_THAT(table, HasSubstr("0.7000"));  // (0.8 + 0.6) / 2
  EXPECT_THAT(table, HasSubstr("0.7667"));
  EXPECT_THAT(table, Not(HasSubstr("ALONE")));
}

TEST(FinalTable, ASiteWithoutTestRowsIsNotEvaluatedAndNotInTheMean) {
  v1::JobView job = JobWithRounds();
  AddSite(*job.mutable_steps(2), "c", "counted")->mutable_metrics()->mutable_train()->set_rows(30);
  const std::string table = FinalTable(Terminal::Plain(), *EvaluationOf(job), {});
  const size_t line = table.find("\nc ");
  ASSERT_NE(line, std::string::npos) << table;
  const std::string row = table.substr(line + 1, table.find('\n', line + 1) - line - 1);
  EXPECT_THAT(row, HasSubstr("not evaluated"));
  EXPECT_THAT(row, Not(HasSubstr("0.0000")));
  EXPECT_THAT(table, HasSubstr("0.7000"));  // still of a and b
  job.mutable_steps(2)->clear_metrics();
  EXPECT_THAT(FinalTable(Terminal::Plain(), *EvaluationOf(job), {}), Not(HasSubstr("0.0000")));
}

TEST(FinalTable, PutsTheSitesOwnModelsBesideTheGlobalOne) {
  v1::JobView job = JobWithRounds();
  v1::StepView* evaluation = job.mutable_steps(2);
  EXPECT_THAT(FinalTable(Terminal::Plain(), *evaluation, {}), Not(HasSubstr("OWN")));
  const auto set = [](v1::MetricsView* metrics, double accuracy) {
    metrics->mutable_personal_test()->set_rows(60);
    metrics->mutable_personal_test()->set_loss(0.125);
    metrics->mutable_personal_test()->set_accuracy(accuracy);
  };
  set(evaluation->mutable_sites(0)->mutable_metrics(), 0.95);
  set(evaluation->mutable_sites(1)->mutable_metrics(), 0.85);
  set(evaluation->mutable_metrics(), 0.9333);
  const std::string table = FinalTable(Terminal::Plain(), *evaluation, {});
  EXPECT_THAT(table, HasSubstr("OWN LOSS"));
  EXPECT_THAT(table, HasSubstr("OWN ACCURACY"));
  EXPECT_THAT(table, HasSubstr("0.9500"));
  EXPECT_THAT(table, HasSubstr("0.9000"));  // the mean of sites
  EXPECT_THAT(table, HasSubstr("0.9333"));
  EXPECT_THAT(StepLine(Terminal::Plain(), *evaluation, 2),
              HasSubstr("personal loss 0.1250 acc 0.9333"));
  ASSERT_FALSE(CurvesOf(job).empty());
  EXPECT_EQ(CurvesOf(job)[0].series.back().name, "test, personal");
}

TEST(FinalTable, ComparesWithEachSiteAlone) {
  const v1::JobView job = JobWithRounds();
  v1::SplitMetricsView alone;
  alone.set_accuracy(0.55);
  const std::string table = FinalTable(Terminal::Plain(), *EvaluationOf(job), {{"b", alone}});
  EXPECT_THAT(table, HasSubstr("ALONE"));
  EXPECT_THAT(table, HasSubstr("0.5500"));
}

TEST(CurvesOf, ALossBelongsToTheStateTheStepStartsFrom) {
  const std::vector<Panel> panels = CurvesOf(JobWithRounds());
  ASSERT_EQ(panels.size(), 2u);
  const Series& training = panels[0].series[0];
  EXPECT_EQ(training.x, (std::vector<double>{0, 1}));
  EXPECT_EQ(training.y, (std::vector<double>{1.0, 0.5}));
  EXPECT_EQ(panels[1].series[0].x, (std::vector<double>{2}));
}

TEST(JobDetails, HostileTextsCannotMoveTheCursor) {
  v1::JobView job = JobWithRounds();
  job.set_reason("\x1b[2J");
  EXPECT_THAT(JobDetails(Terminal::Plain(), job, 10), Not(HasSubstr("\x1b")));
}

TEST(ToJson, KeepsTheStableNames) {
  const nlohmann::json json = ToJson(JobWithRounds());
  EXPECT_EQ(json["job"], "00112233445566aa");
  EXPECT_EQ(json["status"], "done");
  EXPECT_EQ(json["steps"][2]["metrics"]["test"]["accuracy"], 0.7667);
  EXPECT_EQ(json["steps"][0]["round"], 1);
}

}  // namespace
}  // namespace consilium::cli
