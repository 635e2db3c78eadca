#include "server/views/view_proto.h"

#include <gtest/gtest.h>

namespace consilium::server::views {
namespace {

Digest DigestOf(uint8_t byte) {
  Digest digest;
  digest.bytes.fill(byte);
  return digest;
}

jobs::JobView SampleView() {
  jobs::SiteStepView site;
  site.site = SiteId("north");
  site.result = "counted";
  site.update_bytes = 132;
  site.weight = 90;
  site.update_digest = DigestOf(3);
  site.kernel = "eigen";
  site.elapsed = std::chrono::milliseconds(41);
  site.metrics.test =
      aggregation::SplitMetrics{.rows = 20, .loss = 0.25, .accuracy = 0.75, .auc = std::nullopt};
  site.metrics.personal_test =
      aggregation::SplitMetrics{.rows = 20, .loss = 0.125, .accuracy = 1.0, .auc = std::nullopt};
  jobs::StepView step;
  step.step = StepNumber(4);
  step.workload = wire::Workload::kTrain;
  step.round = RoundNumber(2);
  step.committed = true;
  step.result = "committed";
  step.base_state = DigestOf(1);
  step.state = DigestOf(2);
  step.elapsed = std::chrono::seconds(3);
  step.sites = {site};
  step.total_weight = 90;
  jobs::JobView job;
  job.job = JobId("0123456789abcdef");
  job.name = "heart";
  job.status = jobs::JobStatus::kWaiting;
  job.wait = {"updates",
              "for 1 of 2 sites",
              {SiteId("east")},
              std::chrono::seconds(7),
              std::chrono::seconds(8)};
  job.rounds = 9;
  job.submitted = 5;
  job.steps = {step};
  job.admissions = {{SiteId("east"), wire::Verdict::kRefused, "datasets", "not allowed"}};
  return job;
}

TEST(ViewProto, AJobCarriesEveryFieldAcross) {
  v1::JobView out;
  ToProto(SampleView(), out);
  EXPECT_EQ(out.job_id(), "0123456789abcdef");
  EXPECT_EQ(out.status(), v1::JOB_STATUS_WAITING);
  EXPECT_EQ(out.waiting(), "for 1 of 2 sites");
  EXPECT_EQ(out.wait().kind(), "updates");
  EXPECT_EQ(out.wait().sites(0), "east");
  EXPECT_EQ(out.wait().since_ms(), 7000u);
  EXPECT_EQ(out.wait().left_ms(), 8000u);
  EXPECT_EQ(out.rounds(), 9u);
  EXPECT_EQ(out.submitted_utc_ms(), 5);
  ASSERT_EQ(out.admissions_size(), 1);
  EXPECT_EQ(out.admissions(0).verdict(), v1::VERDICT_REFUSED);
  EXPECT_EQ(out.admissions(0).rule(), "datasets");
  ASSERT_EQ(out.steps_size(), 1);
  const v1::StepView& step = out.steps(0);
  EXPECT_EQ(step.step(), 4u);
  EXPECT_EQ(step.workload(), v1::WORKLOAD_TRAIN);
  EXPECT_TRUE(step.committed());
  EXPECT_EQ(step.state(), std::string(32, '\2'));
  EXPECT_EQ(step.elapsed_ms(), 3000u);
  ASSERT_EQ(step.sites_size(), 1);
  EXPECT_EQ(step.sites(0).site(), "north");
  EXPECT_EQ(step.sites(0).elapsed_ms(), 41u);
  EXPECT_EQ(step.sites(0).weight(), 90u);
  EXPECT_EQ(step.sites(0).kernel(), "eigen");
  EXPECT_EQ(step.sites(0).metrics().personal_test().loss(), 0.125);
  EXPECT_FALSE(step.sites(0).metrics().has_personal_train());
}

TEST(ViewProto, EveryFurtherMetricGoesAcross) {
  jobs::JobView view = SampleView();
  aggregation::SplitMetrics& split = *view.steps[0].sites[0].metrics.test;
  double value = 1;
  for (const learn::NamedMetric& metric : learn::kFurtherMetrics) split.*metric.value = value++;
  v1::JobView out;
  ToProto(view, out);
  const v1::SplitMetricsView& test = out.steps(0).sites(0).metrics().test();
  const double got[] = {test.f1(),   test.brier(),   test.calibration_error(), test.mae(),
                        test.rmse(), test.c_index(), test.deviance()};
  ASSERT_EQ(std::size(got), std::size(learn::kFurtherMetrics));
  for (size_t i = 0; i < std::size(got); ++i) EXPECT_EQ(got[i], static_cast<double>(i + 1)) << i;
}

TEST(ViewProto, ASiteSaysWhatItIsCapableOf) {
  registry::SiteStatus status;
  status.site = SiteId("north");
  status.capabilities = {"fedavg", "kernel=eigen"};
  v1::SiteView out;
  ToProto(status, out);
  ASSERT_EQ(out.capabilities_size(), 2);
  EXPECT_EQ(out.capabilities(1), "kernel=eigen");
}

TEST(ViewProto, WhatIsAbsentStaysAbsent) {
  v1::JobView out;
  ToProto(SampleView(), out);
  EXPECT_TRUE(out.state().empty());  // no state yet, not 32 zero bytes
  EXPECT_FALSE(out.has_current());
  EXPECT_FALSE(out.steps(0).has_metrics());
  const v1::SiteStepView& site = out.steps(0).sites(0);
  EXPECT_FALSE(site.metrics().has_train());
  EXPECT_TRUE(site.metrics().test().has_accuracy());
  EXPECT_FALSE(site.metrics().test().has_auc());
}

}  // namespace
}  // namespace consilium::server::views
