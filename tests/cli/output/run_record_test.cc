#include "cli/output/run_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "tests/support/status_matchers.h"

namespace consilium::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

nlohmann::json Step(const char* workload, unsigned round, double loss) {
  return {{"step", round},
          {"workload", workload},
          {"round", round},
          {"committed", true},
          {"elapsed_ms", 1000u},
          {"update_bytes", 500u},
          {"total_weight", 30u},
          {"metrics", {{"test", {{"rows", 10u}, {"loss", loss}, {"accuracy", 0.5}}}}},
          {"sites", nlohmann::json::array({{{"site", "a"}, {"result", "counted"}},
                                           {{"site", "b"}, {"result", "late"}}})}};
}

nlohmann::json Job(double loss) {
  return {{"job", "0123456789abcdef"},
          {"name", "digits"},
          {"rounds", 2u},
          {"rounds_committed", 2u},
          {"rounds_failed", 0u},
          {"steps", nlohmann::json::array({Step("train", 1, 2 * loss), Step("train", 2, 1.5 * loss),
                                           Step("evaluate", 0, loss)})}};
}

std::string Envelope(const char* kind, const nlohmann::json& data) {
  return nlohmann::json({{"consilium", 1}, {"kind", kind}, {"data", data}}).dump() + "\n";
}

TEST(RunRecord, ReadsASimulationAndAShownJob) {
  for (const char* kind : {"simulation", "job"}) {
    ASSERT_OK_AND_ASSIGN(const nlohmann::json job, ReadRun(Envelope(kind, Job(1)), "run.json"));
    EXPECT_EQ(job["name"], "digits");
  }
}

TEST(RunRecord, OfSeveralLinesTheLastIsTheRun) {
  const std::string text = Envelope("step", {{"step", 1}}) + Envelope("job", Job(1));
  ASSERT_OK_AND_ASSIGN(const nlohmann::json job, ReadRun(text, "watch.json"));
  EXPECT_THAT(job["steps"], SizeIs(3));
}

TEST(RunRecord, WhatIsNoRunIsRefusedWithWhatWouldBeOne) {
  for (const std::string& text : {std::string("name = 3"), std::string(), std::string("[]"),
                                  Envelope("sites", nlohmann::json::array()),
                                  Envelope("job", {{"steps", nlohmann::json::array()}}),
                                  Envelope("job", {{"steps", {1, 2}}}), Envelope("job", 3)}) {
    const auto run = ReadRun(text, "x.json");
    EXPECT_EQ(CodeOf(run.status()), ErrorCode::kUsage) << text;
    EXPECT_THAT(std::string(run.status().message()), HasSubstr("x.json"));
    EXPECT_THAT(HelpOf(run.status()), HasSubstr("show JOB --json"));
  }
}

TEST(RunRecord, TheCsvHasALinePerStepAndAColumnPerMetric) {
  EXPECT_EQ(RoundsCsv(Job(1)),
            "step,workload,round,committed,sites,counted,late,failed,refused,elapsed_ms,"
            "update_bytes,total_weight,test_accuracy,test_loss,test_rows\n"
            "1,train,1,1,2,1,1,0,0,1000,500,30,0.5,2,10\n"
            "2,train,2,1,2,1,1,0,0,1000,500,30,0.5,1.5,10\n"
            "0,evaluate,0,1,2,1,1,0,0,1000,500,30,0.5,1,10\n");
}

TEST(RunRecord, ACsvCellIsEmptyWhereAStepHasNoSuchMetric) {
  nlohmann::json job = Job(1);
  job["steps"][0]["metrics"] = nlohmann::json::object();
  EXPECT_THAT(RoundsCsv(job), HasSubstr("1,train,1,1,2,1,1,0,0,1000,500,30,,,\n"));
}

TEST(RunRecord, TheTableHasTheLastMetricsOfEachRun) {
  const std::string table = CompareTable(Terminal::Plain(), {{"one", Job(0.25)}, {"two", Job(4)}});
  EXPECT_THAT(table, HasSubstr("TEST LOSS"));
  EXPECT_THAT(table, HasSubstr("0.2500"));
  EXPECT_THAT(table, HasSubstr("4.0000"));
  EXPECT_THAT(table, HasSubstr("3.00 s")) << "all steps together";
  EXPECT_THAT(table, Not(HasSubstr("ROWS")));
}

TEST(RunRecord, TheCurvesHaveAPanelPerMetricAndALinePerRun) {
  const auto panels = CompareCurves({{"one", Job(0.25)}, {"two", Job(4)}});
  ASSERT_THAT(panels, SizeIs(2));
  EXPECT_EQ(panels[1].title, "test loss");
  ASSERT_THAT(panels[1].series, SizeIs(2));
  EXPECT_EQ(panels[1].series[0].name, "one");
  EXPECT_EQ(panels[1].series[0].x, (std::vector<double>{0, 1, 2})) << "rounds behind the state";
  EXPECT_EQ(panels[1].series[0].y, (std::vector<double>{0.5, 0.375, 0.25}));
}

TEST(RunRecord, TheJsonIsOneObjectPerRun) {
  const nlohmann::json list = CompareJson({{"one", Job(0.25)}, {"two", Job(4)}});
  ASSERT_THAT(list, SizeIs(2));
  EXPECT_EQ(list[1]["run"], "two");
  EXPECT_EQ(list[1]["metrics"]["test_loss"], 4);
  EXPECT_EQ(list[1]["update_bytes"], 1500);
}

}  // namespace
}  // namespace consilium::cli
