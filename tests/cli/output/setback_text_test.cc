#include "cli/output/setback_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/output/job_json.h"
#include "cli/output/job_text.h"

namespace consilium::cli {
namespace {

using ::testing::HasSubstr;

v1::SetbackView* AddSetback(v1::JobView& job, const char* what, const std::string& site,
                            uint32_t count) {
  v1::SetbackView* setback = job.add_setbacks();
  setback->set_what(what);
  setback->set_site(site);
  setback->set_count(count);
  setback->set_last_utc_ms(1'000'000);
  setback->set_workload(v1::WORKLOAD_TRAIN);
  setback->set_round(7);
  setback->set_accepted(2);
  setback->set_selected(4);
  return setback;
}

v1::JobView JobAt(int64_t now) {
  v1::JobView job;
  job.set_now_utc_ms(now);
  return job;
}

TEST(SetbackLines, SayHowOftenTheServerRestartedAndHowItWentOn) {
  v1::JobView job = JobAt(1'120'000);
  AddSetback(job, "server_restarted", "", 3);
  EXPECT_EQ(SetbackLines(job),
            "  server     restarted 3 times during this job, last 2m00s ago; round 7 went on with "
            "2 of 4 updates\n");
}

TEST(SetbackLines, ASiteThatCameBackIsNamedWithItsRound) {
  v1::JobView job = JobAt(1'040'000);
  AddSetback(job, "site_restarted", "north", 1);
  AddSetback(job, "site_reconnected", "west", 5)->set_workload(v1::WORKLOAD_UNSPECIFIED);
  EXPECT_EQ(SetbackLines(job),
            "  site       north: back after a restart at round 7, 40.0 s ago\n"
            "  site       west: connected again 5 times, last between two steps, 40.0 s ago\n");
}

TEST(SetbackLines, ManySitesAreANumberAndAQuietJobSaysNothing) {
  v1::JobView job = JobAt(1'000'000);
  EXPECT_EQ(SetbackLines(job), "");
  for (int i = 0; i < kMaxSetbackLines + 3; ++i) {
    AddSetback(job, "site_restarted", "s" + std::to_string(i), 1);
  }
  EXPECT_THAT(SetbackLines(job), HasSubstr("... and 3 more (--json names them)"));
  EXPECT_THAT(JobDetails(Terminal::Plain(), job, 10), HasSubstr("s0: back after a restart"));
}

TEST(SetbackJson, KeepsTheStableNames) {
  v1::JobView job = JobAt(1'000'000);
  AddSetback(job, "site_restarted", "north", 2);
  const nlohmann::json json = ToJson(job)["setbacks"][0];
  EXPECT_EQ(json["what"], "site_restarted");
  EXPECT_EQ(json["site"], "north");
  EXPECT_EQ(json["count"], 2);
  EXPECT_EQ(json["workload"], "train");
  EXPECT_EQ(json["round"], 7);
  EXPECT_EQ(json["accepted"], 2);
  EXPECT_EQ(json["selected"], 4);
}

}  // namespace
}  // namespace consilium::cli
