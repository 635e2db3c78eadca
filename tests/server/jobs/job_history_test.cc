#include "server/jobs/job_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/digests.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::jobs {
namespace {

using consilium::testing::DigestOfByte;
using consilium::testing::HasCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const JobId kJob("0123456789abcdef");
const SiteId kA("a"), kB("b");

Bytes JobFile() {
  const ByteSpan text = AsBytes(
      "name = \"heart\"\nrounds = 5\n[data]\ndataset = \"d\"\nlabel = \"y\"\nfeatures = [\"x\"]\n"
      "[model]\nkind = \"logistic\"\n");
  return {text.begin(), text.end()};
}

StepOpened Opened(uint64_t step) {
  return {kJob,
          StepNumber(step),
          wire::Workload::kTrain,
          RoundNumber(step),
          DigestOfByte(1),
          std::chrono::minutes(5),
          {kA, kB}};
}

// The step's report: a counted, b failed.
StepClosed Closed(uint64_t step, bool committed) {
  StepView view;
  view.step = StepNumber(step);
  view.committed = committed;
  view.state = DigestOfByte(static_cast<uint8_t>(step + 1));
  view.reason = committed ? "" : "too few";
  SiteStepView a, b;
  a.site = kA;
  a.result = "counted";
  a.update_digest = DigestOfByte(9);
  b.site = kB;
  b.result = "failed";
  b.reason = "CN0404";
  view.sites = {a, b};
  return {kJob, view};
}

void ApplyStep(JobHistory& history, uint64_t step, bool committed) {
  history.Apply(Opened(step));
  history.Apply(UpdateAccepted{{kJob, StepNumber(step), kA}, DigestOfByte(9), 10, 100});
  history.Apply(Closed(step, committed));
  if (committed) {
    history.Apply(StepCommitted{kJob, StepNumber(step),
                                DigestOfByte(static_cast<uint8_t>(step + 1)), DigestOfByte(8)});
  } else {
    history.Apply(StepFailed{kJob, StepNumber(step), "too few"});
  }
}

class History : public ::testing::Test {
 protected:
  History() { history.Apply(JobSubmitted{kJob, "ada", 42, {}, JobFile()}); }
  JobHistory history;
};

TEST_F(History, UnknownJobIsNotFound) {
  EXPECT_THAT(history.Show(JobId("ffffffffffffffff"), StepNumber(0)),
              HasCode(ErrorCode::kJobNotFound));
  EXPECT_EQ(history.ResultOf(JobId("ffffffffffffffff")), "unknown");
}

TEST_F(History, StepsAddUpToRoundsAndTheNewestState) {
  ApplyStep(history, 1, true);
  ApplyStep(history, 2, false);
  ApplyStep(history, 3, true);
  const JobView view = history.Show(kJob, StepNumber(0)).value();
  EXPECT_EQ(view.name, "heart");
  EXPECT_EQ(view.rounds, 5u);
  EXPECT_EQ(view.rounds_committed, 2u);
  EXPECT_EQ(view.rounds_failed, 1u);
  EXPECT_EQ(view.state, DigestOfByte(4));
  EXPECT_EQ(view.steps.size(), 3u);
  EXPECT_EQ(history.Show(kJob, StepNumber(2))->steps.size(), 1u) << "only later ones";
  const Standing standing = history.StandingOf(kJob).value();
  EXPECT_EQ(standing.commits, 2u);
  EXPECT_EQ(standing.failed, 1u);
  EXPECT_EQ(standing.last_failure, "too few");
  EXPECT_EQ(standing.last_step, StepNumber(3));
  EXPECT_FALSE(standing.open.has_value());
  EXPECT_EQ(history.CommittedSteps(kJob)->size(), 2u);
}

TEST_F(History, RecordsThatRepeatChangeNothing) {
  for (int i = 0; i < 2; ++i) {
    history.Apply(JobSubmitted{kJob, "eve", 43, {}, JobFile()});
    ApplyStep(history, 1, true);
    history.Apply(JobEnded{kJob, i == 0 ? JobStatus::kDone : JobStatus::kFailed, "", 50 + i});
  }
  const JobView view = history.Show(kJob, StepNumber(0)).value();
  EXPECT_EQ(view.researcher, "ada");
  EXPECT_EQ(view.rounds_committed, 1u);
  EXPECT_EQ(view.steps.size(), 1u);
  EXPECT_EQ(view.status, JobStatus::kDone);
  EXPECT_EQ(view.ended, 50);
  EXPECT_EQ(history.List().size(), 1u);
}

TEST_F(History, ReportWithoutItsCommitLeavesTheStepOpen) {
  history.Apply(Opened(1));
  history.Apply(UpdateAccepted{{kJob, StepNumber(1), kA}, DigestOfByte(9), 10, 100});
  history.Apply(Closed(1, true));
  const Standing standing = history.StandingOf(kJob).value();
  ASSERT_TRUE(standing.open.has_value());
  EXPECT_EQ(standing.open->accepted.at(kA).weight, 10u);
  EXPECT_EQ(standing.commits, 0u);
  EXPECT_TRUE(history.FindAccepted({kJob, StepNumber(1), kA}).has_value());
  EXPECT_FALSE(history.FindAccepted({kJob, StepNumber(1), kB}).has_value());
}

TEST_F(History, UpdateAcceptedAfterTheCloseIsNotCounted) {
  ApplyStep(history, 1, true);
  history.Apply(UpdateAccepted{{kJob, StepNumber(1), kB}, DigestOfByte(7), 10, 100});
  EXPECT_FALSE(history.FindAccepted({kJob, StepNumber(1), kB}).has_value());
}

TEST_F(History, NewestAnswerOfASiteIsItsAdmission) {
  history.Apply(Admission{kJob, {kB, wire::Verdict::kPending, "", ""}});
  history.Apply(Admission{kJob, {kA, wire::Verdict::kAdmitted, "", ""}});
  history.Apply(Admission{kJob, {kB, wire::Verdict::kRefused, "datasets", "no"}});
  const std::vector<AdmissionView> known = history.Show(kJob, StepNumber(0))->admissions;
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0].site, kA);
  EXPECT_EQ(known[1].verdict, wire::Verdict::kRefused);
}

TEST_F(History, HeldUpdatesLearnWhatBecameOfThem) {
  ApplyStep(history, 1, true);
  ApplyStep(history, 2, false);
  history.Apply(Opened(3));
  const auto kind = [this](const SiteId& site, uint64_t step, uint8_t digest) {
    return history.OutcomeOf(site, {kJob, StepNumber(step), DigestOfByte(digest)})->kind;
  };
  EXPECT_EQ(kind(kA, 1, 9), wire::OutcomeKind::kCounted);
  EXPECT_EQ(kind(kA, 1, 5), wire::OutcomeKind::kLateDropped) << "another update of it was counted";
  EXPECT_EQ(kind(kB, 1, 9), wire::OutcomeKind::kFailed);
  EXPECT_EQ(kind(kA, 2, 9), wire::OutcomeKind::kRoundFailed);
  EXPECT_EQ(kind(SiteId("c"), 1, 9), wire::OutcomeKind::kLateDropped);
  EXPECT_EQ(kind(kA, 7, 9), wire::OutcomeKind::kRoundFailed);
  EXPECT_EQ(history.OutcomeOf(kA, {kJob, StepNumber(3), DigestOfByte(9)}), std::nullopt)
      << "that step is open";
  EXPECT_EQ(
      history.OutcomeOf(kA, {JobId("ffffffffffffffff"), StepNumber(1), DigestOfByte(9)})->kind,
      wire::OutcomeKind::kRoundFailed);
}

TEST_F(History, LiveViewIsShownUntilTheJobEnds) {
  EXPECT_EQ(history.Show(kJob, StepNumber(0))->status, JobStatus::kQueued);
  history.SetLive(
      kJob, {JobStatus::kWaiting, {"updates", "waiting for b", {}, Duration(0), {}}, StepView{}});
  EXPECT_EQ(history.List().at(0).wait.text, "waiting for b");
  EXPECT_TRUE(history.Show(kJob, StepNumber(0))->current.has_value());
  history.Apply(CancelRequested{kJob, "bob", 44});
  EXPECT_THAT(history.Show(kJob, StepNumber(0))->reason, HasSubstr("bob"));
  history.Apply(JobEnded{kJob, JobStatus::kCancelled, "cancelled by bob", 45});
  history.SetLive(kJob,
                  {JobStatus::kRunning, {"updates", "too late", {}, Duration(0), {}}, StepView{}});
  const JobView view = history.Show(kJob, StepNumber(0)).value();
  EXPECT_EQ(view.status, JobStatus::kCancelled);
  EXPECT_EQ(view.wait.text, "");
  EXPECT_FALSE(view.current.has_value());
  EXPECT_TRUE(history.OpenJobs().empty());
  EXPECT_EQ(history.ResultOf(kJob), "cancelled");
}

TEST_F(History, JobFileThatThisVersionCannotReadKeepsItsJobVisible) {
  const JobId odd("00000000000000aa");
  const ByteSpan text = AsBytes("rounds = \"many\"\n");
  history.Apply(JobSubmitted{odd, "ada", 43, {}, {text.begin(), text.end()}});
  EXPECT_EQ(history.Show(odd, StepNumber(0))->job, odd);
  EXPECT_FALSE(history.StandingOf(odd).ok());
}

TEST_F(History, SiteRowsOfAJobAreBounded) {
  const size_t rows = wire::kMaxCohort;
  const size_t steps = kMaxSiteRowsPerJob / rows + 2;
  for (uint64_t step = 1; step <= steps; ++step) {
    history.Apply(Opened(step));
    StepClosed closed = Closed(step, false);
    closed.report.sites.assign(rows, closed.report.sites[0]);
    history.Apply(closed);
    history.Apply(StepFailed{kJob, StepNumber(step), "x"});
  }
  const JobView view = history.Show(kJob, StepNumber(0)).value();
  size_t kept = 0;
  for (const StepView& step : view.steps) kept += step.sites.size();
  EXPECT_EQ(view.steps.size(), steps);
  EXPECT_EQ(kept, kMaxSiteRowsPerJob);
  EXPECT_TRUE(view.steps.front().sites.empty());
  EXPECT_EQ(view.steps.back().sites.size(), rows);
}

TEST_F(History, OldestEndedJobsLeaveTheTable) {
  for (size_t i = 0; i <= kMaxEndedJobs; ++i) {
    const JobId job("e" + std::to_string(i));
    history.Apply(JobSubmitted{job, "ada", 42, {}, JobFile()});
    history.Apply(JobEnded{job, JobStatus::kDone, "", 43});
  }
  EXPECT_FALSE(history.Knows(JobId("e0")));
  EXPECT_TRUE(history.Knows(JobId("e1")));
  EXPECT_TRUE(history.Knows(kJob)) << "a job that goes on stays";
  EXPECT_EQ(history.List().size(), kMaxEndedJobs + 1);
}

TEST_F(History, EpochsKeepTheHighest) {
  history.Apply(SiteEpoch{kA, Epoch(2), "s2"});
  history.Apply(SiteEpoch{kA, Epoch(1), "s1"});
  ASSERT_EQ(history.Epochs().size(), 1u);
  EXPECT_EQ(history.Epochs()[0].store_id, "s2");
}

TEST_F(History, SetbacksAddUpPerKindAndSiteAndRepeatsDoNotCount) {
  const auto note = [&](Setback what, const SiteId& site, UtcMillis utc, uint64_t step) {
    SetbackView view;
    view.what = what;
    view.site = site;
    view.utc = utc;
    view.step = StepNumber(step);
    view.round = RoundNumber(step);
    history.Apply(SetbackNoted{kJob, view});
  };
  note(Setback::kServerRestarted, SiteId(), 10, 1);
  note(Setback::kServerRestarted, SiteId(), 10, 1);  // its sync was in doubt
  note(Setback::kSiteRestarted, kA, 11, 2);
  note(Setback::kServerRestarted, SiteId(), 12, 3);
  ASSERT_OK_AND_ASSIGN(const JobView view, history.Show(kJob, StepNumber(0)));
  ASSERT_EQ(view.setbacks.size(), 2u);
  EXPECT_EQ(view.setbacks[0].count, 2u);
  EXPECT_EQ(view.setbacks[0].round, RoundNumber(3));
  EXPECT_EQ(view.setbacks[1].site, kA);
  EXPECT_EQ(view.setbacks[1].count, 1u);
}

TEST_F(History, SetbacksAreNotedOnlySoOften) {
  for (uint32_t i = 0; i < kMaxSetbacks; ++i) {
    EXPECT_TRUE(history.MayNote(kJob, Setback::kSiteReconnected, kA));
    SetbackView view;
    view.what = Setback::kSiteReconnected;
    view.site = kA;
    view.utc = i + 1;
    history.Apply(SetbackNoted{kJob, view});
  }
  EXPECT_FALSE(history.MayNote(kJob, Setback::kSiteReconnected, kA));
  EXPECT_TRUE(history.MayNote(kJob, Setback::kSiteRestarted, kA));
  EXPECT_TRUE(history.MayNote(kJob, Setback::kSiteReconnected, kB));
}

}  // namespace
}  // namespace consilium::server::jobs
