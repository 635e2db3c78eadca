// What stays on the disk after many rounds and many jobs, and that replay still holds.
#include "server/round/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/error.h"
#include "server/round/backoff.h"
#include "server/store/store_version.h"
#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string ManyRounds(int rounds = 8) {
  std::string text = JobText();
  return text.replace(text.find("rounds = 2"), 10, fmt::format("rounds = {}", rounds));
}

std::vector<std::string> Manifests(const SmallFederation& f) {
  std::vector<std::string> names = *f.storage.List("/server/states");
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".manifest"); });
  return names;
}

void RunJob(SmallFederation& f, uint8_t nonce, const std::string& text, JobId& job) {
  const auto submitted = f.Submit(text, nonce);
  ASSERT_THAT(submitted, IsOk());
  job = *submitted;
  ASSERT_TRUE(f.RunToEnd(job)) << f.Show(job).wait.text;
  ASSERT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
}

TEST(Retention, StatesOfAJobAreAFewAndEveryStepReplays) {
  SmallFederation f(ThreeSites());
  f.keep.keep_states = 2;
  f.Start();
  JobId job;
  RunJob(f, 1, ManyRounds(), job);
  // The first, the two newest (the evaluation gives its base again) and the best.
  EXPECT_LE(Manifests(f).size(), 4u);
  const auto replayed = f.server->Replay(job);
  ASSERT_THAT(replayed, IsOk());
  ASSERT_EQ(replayed->size(), 9u);
  for (const ReplayedStep& step : *replayed) {
    EXPECT_EQ(step.replayed, step.recorded) << step.gone;
  }
}

TEST(Retention, LossDecidesWhichStateIsTheBest) {
  SmallFederation f(ThreeSites());
  f.keep.keep_states = 1;
  f.Start();
  JobId job;
  RunJob(f, 1, ManyRounds(), job);
  const jobs::JobView view = f.Show(job);
  const auto loss = [](const jobs::StepView& step) { return step.metrics.test->loss; };
  ASSERT_TRUE(view.steps.front().metrics.test.has_value());
  const auto best = std::ranges::min_element(view.steps, {}, loss);
  EXPECT_THAT(f.server->states().Get(best->base_state), IsOk());
  EXPECT_THAT(f.server->states().Get(view.steps.front().base_state), IsOk());
  EXPECT_THAT(f.server->states().Get(view.state), IsOk());
}

TEST(Retention, OldestSumsLeaveAndReplayNamesThem) {
  SmallFederation f(ThreeSites());
  f.keep = {.keep_states = 2, .keep_sums_bytes = 1};  // the newest sum always stays
  f.Start();
  JobId job;
  RunJob(f, 1, ManyRounds(), job);
  EXPECT_THAT(*f.storage.List("/server/sums/" + job.value()), ::testing::ElementsAre("9.sum"));
  const auto replayed = f.server->Replay(job);
  ASSERT_THAT(replayed, IsOk());
  for (size_t i = 0; i < 8; ++i) EXPECT_THAT((*replayed)[i].gone, HasSubstr("keep_sums"));
  EXPECT_EQ(replayed->back().gone, "");
  EXPECT_EQ(replayed->back().replayed, replayed->back().recorded);
}

TEST(Retention, OldJobsAreForgottenWithAllTheirFiles) {
  SmallFederation f(ThreeSites());
  f.keep.keep_jobs = 1;
  f.Start();
  JobId kept, old;
  RunJob(f, 1, JobText("min_sites = 3", "retain = \"updates\""), old);
  RunJob(f, 2, ManyRounds(3), kept);
  f.Settle();
  EXPECT_THAT(f.server->Show(old), HasCode(ErrorCode::kJobNotFound));
  EXPECT_THAT(*f.storage.List("/server/sums/" + old.value()), IsEmpty());
  EXPECT_THAT(*f.storage.List("/server/updates/" + old.value()), IsEmpty());
  f.Crash(CrashKind::kPowerCut);
  f.Start();
  EXPECT_THAT(f.server->Show(old), HasCode(ErrorCode::kJobNotFound));
  EXPECT_EQ(f.server->List().size(), 1u);
  EXPECT_THAT(*f.storage.List("/server/sums/" + old.value()), IsEmpty());
  const std::vector<ReplayedStep> replayed = f.server->Replay(kept).value();
  for (const ReplayedStep& step : replayed) {
    EXPECT_EQ(step.replayed, step.recorded);
  }
}

// The same file twice reaches the same states: what one job drops the other may need.
TEST(Retention, StateOfTwoJobsStaysUntilNeitherKeepsIt) {
  SmallFederation f(ThreeSites());
  f.keep = {.keep_states = 1, .keep_jobs = 1};
  f.Start();
  JobId first, twin;
  RunJob(f, 1, ManyRounds(), first);
  const size_t alone = Manifests(f).size();
  RunJob(f, 2, ManyRounds(), twin);
  f.Settle();
  EXPECT_EQ(f.server->List().size(), 1u);
  EXPECT_EQ(Manifests(f).size(), alone);
  const std::vector<ReplayedStep> replayed = f.server->Replay(twin).value();
  for (const ReplayedStep& step : replayed) {
    EXPECT_EQ(step.replayed, step.recorded);
  }
}

TEST(Retention, StateThatAPersonPutStaysAndAStrangerGoes) {
  SmallFederation f(ThreeSites());
  f.Start();
  wire::State put{{tensor::Bundle(tensor::Layout()), {{"a", "put"}}},
                  {tensor::Bundle(tensor::Layout()), {}}};
  const Digest pinned = f.server->states().Put(put).value();
  ASSERT_THAT(f.server->states().Pin(pinned), IsOk());
  put.broadcast.texts["a"] = "never named by the journal";
  const Digest stranger = f.server->states().Put(put).value();
  f.Crash(CrashKind::kPowerCut);
  f.Start();
  EXPECT_THAT(f.server->states().Get(pinned), IsOk());
  EXPECT_THAT(f.server->states().Get(stranger), HasCode(ErrorCode::kStateNotFound));
}

TEST(StoreUpgrade, StatesOfAStoreWithoutPinsStayWhenNoJobReachedThem) {
  SmallFederation f(ThreeSites());
  f.Start();
  const wire::State put{{tensor::Bundle(tensor::Layout()), {{"a", "put long ago"}}},
                        {tensor::Bundle(tensor::Layout()), {}}};
  const Digest old = f.server->states().Put(put).value();
  JobId job;
  RunJob(f, 1, ManyRounds(), job);
  ASSERT_THAT(f.storage.Remove("/server/version"), IsOk());
  f.Crash(CrashKind::kProcess);
  f.Start();
  EXPECT_TRUE(Exists(f.storage, "/server/version"));
  f.Crash(CrashKind::kPowerCut);
  f.Start();
  EXPECT_THAT(f.server->states().Get(old), IsOk());
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
}

TEST(StoreUpgrade, NewerStoreIsRefusedAndLeftAlone) {
  SmallFederation f(ThreeSites());
  f.storage.Plant("/server/version", AsBytes("consilium-store 3\n"));
  f.storage.Plant("/server/journal", AsBytes("in a format of tomorrow"));
  EXPECT_FALSE(f.TryStart());
  EXPECT_THAT(f.start_status, HasCode(ErrorCode::kFormatVersion));
  EXPECT_EQ(AsText(ReadWhole(f.storage, "/server/journal", 100).value()),
            "in a format of tomorrow");
}

// Promise 3 on a disk that refuses from some operation on, anywhere in a job, and comes back.
TEST(FullDisk, JobGoesOnWhenTheDiskDoesAndEndsWithTheSameState) {
  SmallFederation quiet(ThreeSites());
  quiet.Start();
  JobId job;
  quiet.storage.SetFaults({});
  RunJob(quiet, 1, ManyRounds(), job);
  const Digest wanted = quiet.Show(job).state;
  const uint64_t operations = quiet.storage.operations();
  ASSERT_GT(operations, 200u);

  for (uint64_t at = 1; at <= operations; at += 7) {
    SmallFederation f(ThreeSites());
    f.Start();
    const auto submitted = f.Submit(ManyRounds());
    ASSERT_THAT(submitted, IsOk());
    const ErrorCode code = at % 2 == 0 ? ErrorCode::kStorageFull : ErrorCode::kStorageIo;
    f.storage.SetFaults({.fail_operation = at, .and_all_after = true, .code = code});
    f.RunUntil([&] { return f.storage.operations() >= at; }, 3);
    if (f.storage.operations() < at) {  // it ended before
      ASSERT_GT(at, operations * 9 / 10);
      return;
    }
    ASSERT_THAT(f.server->DiskHealth(), HasCode(code)) << "operation " << at;
    if (f.Show(*submitted).ended == 0) {
      f.RunUntil([&] { return !f.Show(*submitted).wait.text.empty(); }, 1);
      EXPECT_THAT(f.Show(*submitted).wait.text, HasSubstr("the disk refused")) << at;
      EXPECT_EQ(f.Show(*submitted).status, jobs::JobStatus::kWaiting) << at;
    }
    f.storage.SetFaults({});
    f.clock.Advance(store::kProbePause);
    EXPECT_THAT(f.server->DiskHealth(), IsOk()) << at;
    for (const auto& site : f.sites) ASSERT_TRUE(site->Attend(*f.server));
    ASSERT_TRUE(f.RunToEnd(*submitted)) << at << ": " << f.Show(*submitted).wait.text;
    EXPECT_EQ(f.Show(*submitted).state, wanted) << "operation " << at;
    EXPECT_EQ(f.Show(*submitted).rounds_failed, 0u) << "operation " << at;
  }
}

// Two jobs on one disk that refuses: one has updates on their way, the other waits for sites.
TEST(FullDisk, OnlyTheJobThatWaitsForTheDiskSaysSo) {
  SmallFederation f(ThreeSites());
  f.Start();
  const auto parked = f.Submit(JobText("min_sites = 9"), 1);
  ASSERT_THAT(parked, IsOk());
  f.Settle();
  ASSERT_EQ(f.Show(*parked).wait.kind, "quorum");
  const auto running = f.Submit(JobText(), 2);
  ASSERT_THAT(running, IsOk());
  while (!f.Show(*running).current) {  // until its offers are on their way
    f.server->Pump();
    if (f.Show(*running).current) break;
    for (const auto& site : f.sites) site->Work();
  }
  f.storage.SetFaults(
      {.fail_operation = 1, .and_all_after = true, .code = ErrorCode::kStorageFull});
  f.RunUntil([&] { return f.Show(*running).wait.kind == "disk"; }, 3);
  EXPECT_EQ(f.Show(*running).wait.kind, "disk");
  EXPECT_EQ(f.Show(*running).status, jobs::JobStatus::kWaiting);
  EXPECT_EQ(f.Show(*parked).wait.kind, "quorum");
  f.storage.SetFaults({});
  f.clock.Advance(store::kProbePause);
  for (const auto& site : f.sites) ASSERT_TRUE(site->Attend(*f.server));
  EXPECT_TRUE(f.RunToEnd(*running)) << f.Show(*running).wait.text;
}

TEST(FullDisk, StoreAtItsBoundPausesTheJobByName) {
  SmallFederation f(ThreeSites());
  f.max_disk_bytes = 8000;
  f.Start();
  const auto job = f.Submit(ManyRounds(30));
  ASSERT_THAT(job, IsOk());
  ASSERT_TRUE(f.RunUntil([&] { return !f.server->DiskHealth().ok(); }));
  f.RunUntil([&] { return f.Show(*job).status == jobs::JobStatus::kWaiting; }, 5);
  EXPECT_EQ(f.Show(*job).status, jobs::JobStatus::kWaiting);
  EXPECT_THAT(f.Show(*job).wait.text, HasSubstr("max_disk"));
  // An operator raises the bound and starts again: nothing was lost.
  f.Crash(CrashKind::kProcess);
  f.max_disk_bytes = UINT64_MAX;
  f.Start();
  ASSERT_TRUE(f.RunToEnd(*job));
  EXPECT_EQ(f.Show(*job).rounds_committed, 30u);
}

}  // namespace
}  // namespace consilium::server::round
