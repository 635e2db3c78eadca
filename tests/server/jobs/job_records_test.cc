#include "server/jobs/job_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/digests.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::jobs {
namespace {

using consilium::testing::DigestOfByte;
using consilium::testing::HasCode;
using ::testing::EndsWith;

Bytes BytesOf(std::string_view text) {
  const ByteSpan bytes = AsBytes(text);
  return {bytes.begin(), bytes.end()};
}

StepView Report() {
  StepView step;
  step.step = StepNumber(3);
  step.round = RoundNumber(2);
  step.committed = true;
  step.result = "committed";
  step.reason = "r";
  step.base_state = DigestOfByte(1);
  step.state = DigestOfByte(2);
  step.elapsed = std::chrono::milliseconds(1500);
  step.metrics.train = aggregation::SplitMetrics{10, 0.25, 0.5, std::nullopt};
  step.metrics.test = aggregation::SplitMetrics{4, 0.125, 0.75, 0.875};
  step.update_bytes = 77;
  step.total_weight = 10;
  SiteStepView site;
  site.site = SiteId("site-a");
  site.result = "counted";
  site.phase = "submit";
  site.update_bytes = 77;
  site.weight = 10;
  site.update_digest = DigestOfByte(3);
  site.kernel = "eigen";
  site.elapsed = std::chrono::seconds(1);
  site.metrics.test = aggregation::SplitMetrics{4, 0.5, std::nullopt, std::nullopt};
  SiteStepView other;
  other.site = SiteId("site-b");
  other.result = "failed";
  other.reason = "CN0404";
  step.sites = {site, other};
  LateUpdateView late;
  late.site = SiteId("site-c");
  late.step = StepNumber(1);
  late.round = RoundNumber(1);
  late.age = 1;
  late.result = "late_carried";
  late.update_bytes = 77;
  late.weight = 10;
  late.counted_weight = 7;
  late.update_digest = DigestOfByte(5);
  late.kernel = "eigen";
  step.late = {late};
  return step;
}

std::vector<JobRecord> OneOfEach() {
  const JobId job("0123456789abcdef");
  return {JobSubmitted{job, "ada", 42, BytesOf("envelope"), BytesOf("name = \"x\"\n")},
          CancelRequested{job, "bob", 43},
          JobEnded{job, JobStatus::kCancelled, "cancelled by bob", 44},
          SiteEpoch{SiteId("site-a"), Epoch(7), "store", 99},
          Admission{job, {SiteId("site-a"), wire::Verdict::kRefused, "min_rows", "too few"}},
          StepOpened{job,
                     StepNumber(3),
                     wire::Workload::kTrain,
                     RoundNumber(2),
                     DigestOfByte(1),
                     std::chrono::minutes(5),
                     {SiteId("site-a"), SiteId("site-b")}},
          UpdateAccepted{{job, StepNumber(3), SiteId("site-a")}, DigestOfByte(3), 10, 77, "eigen"},
          StepClosed{job, Report()},
          StepCommitted{job, StepNumber(3), DigestOfByte(2), DigestOfByte(4)},
          StepFailed{job, StepNumber(3), "too few"},
          JobForgotten{job, 45},
          SetbackNoted{job,
                       {Setback::kSiteRestarted, SiteId("site-a"), 0, 46, StepNumber(3),
                        wire::Workload::kTrain, RoundNumber(2), 1, 2}}};
}

TEST(JobRecords, EveryKindComesBackAsItWas) {
  const std::vector<JobRecord> all = OneOfEach();
  ASSERT_EQ(all.size(), std::variant_size_v<JobRecord>);
  for (size_t i = 0; i < all.size(); ++i) {
    const Bytes bytes = Encode(all[i]);
    EXPECT_EQ(KindOf(all[i]), i + 1);
    ASSERT_OK_AND_ASSIGN(const JobRecord back, Decode(KindOf(all[i]), VersionOf(all[i]), bytes));
    EXPECT_EQ(back.index(), i);
    EXPECT_EQ(Encode(back), bytes) << "kind " << i + 1;
  }
}

TEST(JobRecords, ReportKeepsEveryField) {
  const Bytes bytes = Encode(StepClosed{JobId("0123456789abcdef"), Report()});
  ASSERT_OK_AND_ASSIGN(const JobRecord back, Decode(8, 4, bytes));
  const StepView step = std::get<StepClosed>(back).report;
  EXPECT_EQ(step.step, StepNumber(3));
  EXPECT_EQ(step.round, RoundNumber(2));
  EXPECT_TRUE(step.committed);
  EXPECT_EQ(step.elapsed, std::chrono::milliseconds(1500));
  EXPECT_EQ(step.metrics.train->accuracy, 0.5);
  EXPECT_FALSE(step.metrics.train->auc.has_value());
  EXPECT_EQ(step.metrics.test->auc, 0.875);
  EXPECT_EQ(step.total_weight, 10u);
  ASSERT_EQ(step.sites.size(), 2u);
  EXPECT_EQ(step.sites[0].update_digest, DigestOfByte(3));
  EXPECT_EQ(step.sites[0].metrics.test->loss, 0.5);
  EXPECT_FALSE(step.sites[0].metrics.train.has_value());
  EXPECT_EQ(step.sites[0].kernel, "eigen");
  EXPECT_EQ(step.sites[1].reason, "CN0404");
  ASSERT_EQ(step.late.size(), 1u);
  EXPECT_EQ(step.late[0].site, SiteId("site-c"));
  EXPECT_EQ(step.late[0].counted_weight, 7u);
  EXPECT_EQ(step.late[0].update_digest, DigestOfByte(5));
}

TEST(JobRecords, MetricsOfPersonalModelsAreKeptBesideTheGlobalOnes) {
  StepView report = Report();
  report.metrics.personal_train = aggregation::SplitMetrics{10, 0.125, 0.75, std::nullopt};
  report.sites[0].metrics.personal_test = aggregation::SplitMetrics{4, 0.0625, 1.0, 1.0};
  const Bytes bytes = Encode(StepClosed{JobId("0123456789abcdef"), report});
  ASSERT_OK_AND_ASSIGN(const JobRecord back, Decode(8, 6, bytes));
  const StepView step = std::get<StepClosed>(back).report;
  EXPECT_EQ(step.metrics.personal_train->loss, 0.125);
  EXPECT_FALSE(step.metrics.personal_test.has_value());
  EXPECT_EQ(step.metrics.train->loss, report.metrics.train->loss);
  EXPECT_EQ(step.sites[0].metrics.personal_test->auc, 1.0);
  EXPECT_EQ(step.sites[0].metrics.test->loss, report.sites[0].metrics.test->loss);
  EXPECT_EQ(step.total_weight, 10u);
}

TEST(JobRecords, FurtherMetricsAreKeptEachInItsPlace) {
  for (size_t only = 0; only <= std::size(learn::kFurtherMetrics); ++only) {
    StepView report = Report();
    for (size_t i = 0; i < std::size(learn::kFurtherMetrics); ++i) {
      const bool set = only == i || only == std::size(learn::kFurtherMetrics);
      if (set)
        report.metrics.test.value().*learn::kFurtherMetrics[i].value = 0.5 + static_cast<double>(i);
    }
    const Bytes bytes = Encode(StepClosed{JobId("0123456789abcdef"), report});
    ASSERT_OK_AND_ASSIGN(const JobRecord back, Decode(8, 4, bytes));
    const StepView step = std::get<StepClosed>(back).report;
    for (const learn::NamedMetric& metric : learn::kFurtherMetrics) {
      EXPECT_EQ(step.metrics.test.value().*metric.value, report.metrics.test.value().*metric.value);
      EXPECT_FALSE((step.metrics.train.value().*metric.value).has_value());
    }
    EXPECT_EQ(step.total_weight, 10u);
  }
}

// Without kernels: what version 1 wrote, but for the length of the kernel's name at the end.
TEST(JobRecords, WhatVersionOneWroteIsReadWithoutKernels) {
  const JobId job("0123456789abcdef");
  Bytes accepted =
      Encode(UpdateAccepted{{job, StepNumber(3), SiteId("site-a")}, DigestOfByte(3), 10, 77});
  accepted.resize(accepted.size() - 4);
  ASSERT_OK_AND_ASSIGN(const JobRecord update, Decode(7, 1, accepted));
  EXPECT_EQ(std::get<UpdateAccepted>(update).bytes, 77u);
  EXPECT_EQ(std::get<UpdateAccepted>(update).kernel, "");

  StepView report = Report();
  report.sites.resize(1);
  report.late.clear();
  report.sites[0].kernel = "";
  Bytes closed = Encode(StepClosed{job, report});
  closed.resize(closed.size() - 4);  // the number of late updates
  ASSERT_OK_AND_ASSIGN(const JobRecord second, Decode(8, 2, closed));
  EXPECT_TRUE(std::get<StepClosed>(second).report.late.empty());
  closed.resize(closed.size() - 4);
  ASSERT_OK_AND_ASSIGN(const JobRecord step, Decode(8, 1, closed));
  ASSERT_EQ(std::get<StepClosed>(step).report.sites.size(), 1u);
  EXPECT_EQ(std::get<StepClosed>(step).report.sites[0].update_digest, DigestOfByte(3));
  EXPECT_EQ(std::get<StepClosed>(step).report.sites[0].kernel, "");
}

TEST(JobRecords, EveryShorterOrLongerPayloadIsDamage) {
  for (const JobRecord& record : OneOfEach()) {
    Bytes bytes = Encode(record);
    for (size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_THAT(Decode(KindOf(record), VersionOf(record), ByteSpan(bytes).first(length)),
                  HasCode(ErrorCode::kJournalCorrupt));
    }
    bytes.push_back(std::byte{0});
    EXPECT_THAT(Decode(KindOf(record), VersionOf(record), bytes),
                HasCode(ErrorCode::kJournalCorrupt));
  }
}

TEST(JobRecords, AStepIsWrittenAtTheVersionThatHasPersonalMetrics) {
  EXPECT_EQ(VersionOf(StepClosed{JobId("0123456789abcdef"), Report()}), 6);
}

TEST(JobRecords, UnknownKindsAndVersionsAreANewerFormat) {
  EXPECT_THAT(Decode(13, 1, {}), HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(Decode(0, 1, {}), HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(Decode(1, 2, {}), HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(Decode(8, 7, {}), HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(Decode(7, 0, {}), HasCode(ErrorCode::kFormatVersion));
}

TEST(JobRecords, LongReasonsAreCutBetweenCharacters) {
  StepView step = Report();
  step.sites[1].reason = std::string(kMaxReasonBytes - 4, 'x') + "\xc3\xa9\xc3\xa9\xc3\xa9";
  const Bytes bytes = Encode(StepClosed{JobId("0123456789abcdef"), step});
  ASSERT_OK_AND_ASSIGN(const JobRecord back, Decode(8, 4, bytes));
  EXPECT_EQ(std::get<StepClosed>(back).report.sites[1].reason,
            std::string(kMaxReasonBytes - 4, 'x') + "...");
}

TEST(JobRecords, ReportOfTheLargestCohortFitsARecord) {
  StepView step = Report();
  SiteStepView row = step.sites[0];
  row.site = SiteId(std::string(64, 's'));
  row.reason = std::string(4096, 'r');
  row.kernel = std::string(64, 'k');
  for (const learn::NamedMetric& metric : learn::kFurtherMetrics) {
    row.metrics.test.value().*metric.value = 1;
  }
  row.metrics.train = row.metrics.test;
  step.sites.assign(wire::kMaxCohort, row);
  EXPECT_LT(Encode(StepClosed{JobId("0123456789abcdef"), step}).size(), size_t{16} << 20);
  row.metrics.personal_train = row.metrics.personal_test = row.metrics.test;
  step.sites.assign(wire::kMaxCohort, row);
  EXPECT_LT(Encode(StepClosed{JobId("0123456789abcdef"), step}).size(), size_t{16} << 20);
}

}  // namespace
}  // namespace consilium::server::jobs
