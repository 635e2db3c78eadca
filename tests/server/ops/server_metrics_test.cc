#include "server/ops/server_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"

namespace consilium::server::ops {
namespace {

using jobs::JobStatus;
using ::testing::HasSubstr;
using ::testing::Not;

// Jobs in memory, as a coordinator would show them.
struct World {
  std::map<std::string, jobs::JobView> jobs;
  std::vector<registry::SiteStatus> sites;
  int shows = 0;

  ServerMetrics::Source Source() {
    return {.version = "1.2.3",
            .list =
                [this] {
                  std::vector<jobs::JobView> listed;
                  for (auto [id, job] : jobs) {
                    job.steps.clear();
                    listed.push_back(job);
                  }
                  return listed;
                },
            .show = [this](const JobId& id, StepNumber after) -> absl::StatusOr<jobs::JobView> {
              ++shows;
              jobs::JobView job = jobs.at(id.value());
              std::erase_if(job.steps, [&](const auto& step) { return step.step <= after; });
              return job;
            },
            .sites = [this] { return sites; },
            .update_bytes = [] { return uint64_t{4096}; },
            .open_uploads = [] { return uint64_t{2}; },
            .download_bytes = [] { return uint64_t{512}; },
            .disk = [] { return ServerMetrics::Disk{{{"states", 700}, {"spools", 30}}, false}; }};
  }
  jobs::JobView& Job(const std::string& id, JobStatus status) {
    jobs::JobView& job = jobs[id];
    job.job = JobId(id);
    job.status = status;
    return job;
  }
};

void AddStep(jobs::JobView& job, wire::Workload workload, bool committed, double seconds) {
  jobs::StepView step;
  step.step = StepNumber(job.steps.size() + 1);
  step.workload = workload;
  step.committed = committed;
  step.elapsed = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  job.steps.push_back(step);
}

TEST(ServerMetrics, RoundsAreCountedOnceHoweverOftenScraped) {
  World world;
  ServerMetrics metrics(world.Source());
  jobs::JobView& job = world.Job("a", JobStatus::kRunning);
  AddStep(job, wire::Workload::kMeans, true, 0.1);  // a step, but no round
  AddStep(job, wire::Workload::kTrain, true, 2);
  AddStep(job, wire::Workload::kTrain, false, 400);
  metrics.Scrape();
  AddStep(job, wire::Workload::kTrain, true, 2);
  job.status = JobStatus::kDone;
  metrics.Scrape();
  const std::string text = metrics.Scrape();
  EXPECT_THAT(text, HasSubstr("consilium_rounds_total{result=\"committed\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("consilium_rounds_total{result=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("consilium_round_seconds_count 3\n"));
  EXPECT_THAT(text, HasSubstr("consilium_round_seconds_bucket{le=\"2.5\"} 2\n"));
}

TEST(ServerMetrics, AnEndedJobCostsNothingFurther) {
  World world;
  ServerMetrics metrics(world.Source());
  AddStep(world.Job("a", JobStatus::kDone), wire::Workload::kTrain, true, 1);
  metrics.Scrape();
  const int before = world.shows;
  metrics.Scrape();
  EXPECT_EQ(world.shows, before);
}

TEST(ServerMetrics, WhatHappenedBeforeTheStartIsNotCounted) {
  World world;
  AddStep(world.Job("old", JobStatus::kDone), wire::Workload::kTrain, true, 1);
  jobs::JobView& running = world.Job("running", JobStatus::kRunning);
  AddStep(running, wire::Workload::kTrain, true, 1);
  ServerMetrics metrics(world.Source());
  AddStep(running, wire::Workload::kTrain, true, 1);
  EXPECT_THAT(metrics.Scrape(), HasSubstr("consilium_rounds_total{result=\"committed\"} 1\n"));
}

TEST(ServerMetrics, JobsAndSitesAreGauges) {
  World world;
  world.Job("a", JobStatus::kWaiting);
  world.Job("b", JobStatus::kDone);
  registry::SiteStatus north;
  north.site = SiteId("north");
  north.connected = true;
  registry::SiteStatus east;
  east.site = SiteId("east");
  world.sites = {north, east};
  ServerMetrics metrics(world.Source());
  const std::string text = metrics.Scrape();
  EXPECT_THAT(text, HasSubstr("consilium_jobs{status=\"waiting\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("consilium_jobs{status=\"running\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("consilium_sites_known 2\n"));
  EXPECT_THAT(text, HasSubstr("consilium_sites_connected 1\n"));
  EXPECT_THAT(text, HasSubstr("consilium_update_bytes_received_total 4096\n"));
  EXPECT_THAT(text, HasSubstr("consilium_uploads_open 2\n"));
  EXPECT_THAT(text, HasSubstr("consilium_download_memory_bytes 512\n"));
  EXPECT_THAT(text, HasSubstr("consilium_build_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("consilium_store_bytes{kind=\"states\"} 700\n"));
  EXPECT_THAT(text, HasSubstr("consilium_disk_ok 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("north")));  // no label holds a site
}

}  // namespace
}  // namespace consilium::server::ops
