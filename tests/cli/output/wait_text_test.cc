#include "cli/output/wait_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/output/job_json.h"
#include "cli/output/job_text.h"

namespace consilium::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::SiteStepView SlowSite() {
  v1::SiteStepView site;
  site.set_site("north");
  site.set_result("working");
  site.set_phase("submit");
  site.set_done(1'200'000);
  site.set_total(3'400'000);
  site.set_per_second(20'000);
  site.set_quiet_ms(3'200);
  site.set_left_ms(56'800);
  return site;
}

v1::JobView JobThatWaits() {
  v1::JobView job;
  job.set_status(v1::JOB_STATUS_RUNNING);
  job.set_rounds(3);
  job.set_waiting("waiting for 2 of 3 sites");
  job.mutable_wait()->set_kind("updates");
  job.mutable_wait()->add_sites("north");
  job.mutable_wait()->set_since_ms(12'300);
  v1::StepView& step = *job.mutable_current();
  step.set_workload(v1::WORKLOAD_TRAIN);
  step.set_round(2);
  step.set_result("training");
  step.set_left_ms(252'000);
  v1::SiteStepView& done = *step.add_sites();
  done.set_site("east");
  done.set_result("counted");
  *step.add_sites() = SlowSite();
  v1::SiteStepView& gone = *step.add_sites();
  gone.set_site("west");
  gone.set_result("offered");
  gone.set_away(true);
  gone.set_quiet_ms(12'000);
  gone.set_left_ms(18'000);
  return job;
}

TEST(WaitText, ASlowUploadShowsBytesAndRate) {
  EXPECT_EQ(SiteProgress(SlowSite()), "submit  1.2 MB of 3.4 MB  20 KB/s");
}

TEST(WaitText, TrainingShowsItsShareAndNoBytes) {
  v1::SiteStepView site = SlowSite();
  site.set_phase("train");
  site.set_done(9);
  site.set_total(20);
  EXPECT_EQ(SiteProgress(site), "train  45%");
}

TEST(WaitText, ShowSaysForWhomSinceWhenAndUntilWhen) {
  const std::string shown = JobDetails(Terminal::Plain(), JobThatWaits(), 10);
  EXPECT_THAT(shown, HasSubstr("waiting for 2 of 3 sites (for 12.3 s)"));
  EXPECT_THAT(shown, HasSubstr("training, closes in 4m12s"));
  const size_t north = shown.find("\nnorth");
  const size_t west = shown.find("\nwest");
  ASSERT_NE(north, std::string::npos) << shown;
  ASSERT_NE(west, std::string::npos) << shown;
  EXPECT_LT(west, shown.find("\neast")) << "who is waited for comes first";
  const std::string north_line = shown.substr(north + 1, shown.find('\n', north + 1) - north - 1);
  EXPECT_THAT(north_line, HasSubstr("3.20 s"));
  EXPECT_THAT(north_line, HasSubstr("56.8 s"));
  const std::string west_line = shown.substr(west + 1, shown.find('\n', west + 1) - west - 1);
  EXPECT_THAT(west_line, HasSubstr("away"));
  EXPECT_THAT(west_line, HasSubstr("18.0 s"));
}

TEST(WaitText, AnEndedJobWaitsForNothing) {
  v1::JobView job = JobThatWaits();
  job.set_status(v1::JOB_STATUS_DONE);
  job.clear_waiting();
  job.clear_wait();
  EXPECT_EQ(WaitText(job), "");
  EXPECT_THAT(JobDetails(Terminal::Plain(), job, 10), Not(HasSubstr("north")));
}

TEST(WaitText, JsonHasTheSameInParts) {
  const nlohmann::json json = ToJson(JobThatWaits());
  EXPECT_EQ(json["wait"]["kind"], "updates");
  EXPECT_EQ(json["wait"]["sites"][0], "north");
  EXPECT_EQ(json["wait"]["since_ms"], 12'300);
  EXPECT_FALSE(json["wait"].contains("left_ms"));
  EXPECT_EQ(json["current"]["left_ms"], 252'000);
  const nlohmann::json& slow = json["current"]["sites"][1];
  EXPECT_EQ(slow["done"], 1'200'000);
  EXPECT_EQ(slow["per_second"], 20'000);
  EXPECT_EQ(slow["quiet_ms"], 3'200);
  EXPECT_TRUE(json["current"]["sites"][2]["away"]);
}

}  // namespace
}  // namespace consilium::cli
