// kill -9 and power cuts at every single disk operation: the same final state, each time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/jobs/step_codec.h"
#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

// Starts and attends again; the disk is well.
void ComeBack(SmallFederation& f) {
  f.fails_at = 0;
  f.Start();
}

std::vector<FakeSite::Manners> OneIsSilent() {
  std::vector<FakeSite::Manners> manners = ThreeSites();
  manners[2].silent = true;
  return manners;
}

// A job whose first round waits for the silent one: the other updates are accepted.
JobId InItsFirstRound(SmallFederation& f) {
  f.Start();
  const JobId job = f.Submit(JobText()).value();
  f.Settle();
  EXPECT_TRUE(f.Show(job).steps.empty());
  return job;
}

// Submits (again) and runs until done or until the disk went away.
void Run(SmallFederation& f, const Bytes& envelope, const std::string& text) {
  if (!f.TryStart()) return;
  for (const auto& site : f.sites) {
    if (!site->Attend(*f.server)) return;
  }
  const auto submitted = f.server->Submit("ada", envelope, AsBytes(text));
  if (submitted.ok()) f.RunToEnd(submitted->job);
}

struct Outcome {
  Digest state;
  uint64_t operations = 0;
};

// Of a store with a file for every update: it does the most operations.
Outcome RunUndisturbed(const std::string& text) {
  SmallFederation f(ThreeSites());
  f.storage.SetFaults({});
  Run(f, f.EnvelopeWith(1), text);
  const std::vector<jobs::JobView> all = f.server->List();
  EXPECT_EQ(all.at(0).status, jobs::JobStatus::kDone);
  return {all.at(0).state, f.storage.operations()};
}

void RunWithCrashAt(uint64_t operation, CrashKind kind, const std::string& text,
                    const Digest& wanted) {
  SmallFederation f(ThreeSites());
  if (operation % 2 == 0) f.small_update_bytes = store::kMaxSmallBytes;  // segments, or files
  f.storage.SetFaults({.fail_operation = operation, .and_all_after = true});
  f.fails_at = operation;
  const Bytes envelope = f.EnvelopeWith(1);
  Run(f, envelope, text);
  if (!f.broken()) return;  // with segments there are fewer operations
  f.Crash(kind);
  ComeBack(f);
  // The researcher does not know whether it was taken: the same envelope again is the same job.
  const auto submitted = f.server->Submit("ada", envelope, AsBytes(text));
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  ASSERT_TRUE(f.RunToEnd(submitted->job)) << f.Show(submitted->job).wait.text;
  const jobs::JobView view = f.Show(submitted->job);
  EXPECT_EQ(view.status, jobs::JobStatus::kDone) << view.reason;
  EXPECT_EQ(view.state, wanted);
  EXPECT_EQ(view.rounds_committed, 2u);
  EXPECT_EQ(view.rounds_failed, 0u) << view.steps.at(0).reason;
  EXPECT_EQ(f.server->List().size(), 1u);
  for (const jobs::StepView& step : view.steps) EXPECT_EQ(step.sites.size(), 3u);
}

class CrashAnywhere : public ::testing::TestWithParam<CrashKind> {};

// durability = "round" gives up syncs, and no update either: what a power cut takes is sent again.
TEST_P(CrashAnywhere, WithoutASyncForEachUpdateTheStateIsTheSame) {
  const std::string text = JobText("min_sites = 3", "durability = \"round\"");
  const Outcome undisturbed = RunUndisturbed(text);
  for (uint64_t operation = 1; operation <= undisturbed.operations; operation += 3) {
    RunWithCrashAt(operation, GetParam(), text, undisturbed.state);
    ASSERT_FALSE(HasFailure()) << "crash at disk operation " << operation;
  }
}

TEST_P(CrashAnywhere, EndsWithTheSameStateAndLosesNothing) {
  const std::string text = JobText();
  const Outcome undisturbed = RunUndisturbed(text);
  ASSERT_GT(undisturbed.operations, 50u);
  for (uint64_t operation = 1; operation <= undisturbed.operations; ++operation) {
    RunWithCrashAt(operation, GetParam(), text, undisturbed.state);
    ASSERT_FALSE(HasFailure()) << "crash at disk operation " << operation;
  }
}

// The server's moments and the broadcast variate are part of the state: none is lost, none is moved
// twice.
TEST_P(CrashAnywhere, MomentsAndVariatesComeOutTheSame) {
  for (const char* strategy : {"fedadam", "scaffold"}) {
    const std::string text =
        JobText(fmt::format("min_sites = 3\n[aggregation]\nstrategy = \"{}\"", strategy));
    const Outcome undisturbed = RunUndisturbed(text);
    EXPECT_NE(undisturbed.state, RunUndisturbed(JobText()).state);
    for (uint64_t operation = 2; operation <= undisturbed.operations; operation += 7) {
      RunWithCrashAt(operation, GetParam(), text, undisturbed.state);
      ASSERT_FALSE(HasFailure()) << strategy << ": crash at disk operation " << operation;
    }
  }
}

// A rule reads its updates side by side: none is folded, and a restart finds them all.
TEST_P(CrashAnywhere, WhatARuleMakesComesOutTheSame) {
  for (const char* rule :
       {"rule = \"median\"", "rule = \"trimmed_mean\"\nbyzantine = 1",
        "rule = \"fltrust\"\nroot_site = \"b\"", "rule = \"norm_clip\"\nstrategy = \"fedadam\""}) {
    const std::string text = JobText(fmt::format("min_sites = 3\n[aggregation]\n{}", rule));
    const Outcome undisturbed = RunUndisturbed(text);
    EXPECT_NE(undisturbed.state, RunUndisturbed(JobText()).state);
    for (uint64_t operation = 2; operation <= undisturbed.operations; operation += 7) {
      RunWithCrashAt(operation, GetParam(), text, undisturbed.state);
      ASSERT_FALSE(HasFailure()) << rule << ": crash at disk operation " << operation;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, CrashAnywhere,
                         ::testing::Values(CrashKind::kProcess, CrashKind::kPowerCut,
                                           CrashKind::kTorn));

TEST(Restart, LosesNoFinishedRoundAndComputesNoAcceptedUpdateAgain) {
  SmallFederation f(ThreeSites());
  f.Start();
  const auto job = f.Submit(JobText());
  ASSERT_TRUE(job.ok());
  ASSERT_TRUE(f.RunUntil([&] { return f.Show(*job).rounds_committed == 1; }) ||
              f.Show(*job).rounds_committed >= 1);
  f.Crash(CrashKind::kPowerCut);
  ComeBack(f);
  ASSERT_TRUE(f.RunToEnd(*job));
  for (const auto& site : f.sites) EXPECT_EQ(site->computed, 3);
  EXPECT_EQ(f.Show(*job).steps.size(), 3u);
}

TEST(Restart, DamagedAcceptedUpdateIsAskedForAgain) {
  SmallFederation f(OneIsSilent());
  const JobId job = InItsFirstRound(f);
  const std::string folder = "/server/updates/" + job.value();
  const auto names = f.storage.List(folder);
  ASSERT_TRUE(names.ok());
  ASSERT_FALSE(names->empty());
  f.Crash(CrashKind::kProcess);
  Bytes damaged = ReadWhole(f.storage, folder + "/" + names->front(), 1 << 20).value();
  damaged.back() ^= std::byte{1};
  f.storage.Plant(folder + "/" + names->front(), damaged);
  f.sites[2]->manners.silent = false;
  ComeBack(f);
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
  EXPECT_EQ(f.sites[0]->offers.size(), 4u) << "its first update was damaged";
  EXPECT_EQ(f.sites[0]->computed, 3) << "and still lay at the site";
}

TEST(Restart, FoldedUpdatesNeedNoSpoolAndAreNotAskedForAgain) {
  SmallFederation f(OneIsSilent());
  const JobId job = InItsFirstRound(f);
  const std::string folder = "/server/updates/" + job.value();
  EXPECT_THAT(*f.storage.List(folder), ::testing::ElementsAre("1.1.fold"));
  f.Crash(CrashKind::kPowerCut);
  f.sites[2]->manners.silent = false;
  ComeBack(f);
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.sites[0]->offers.size(), 3u) << "one a step";
  EXPECT_THAT(*f.storage.List(folder), ::testing::IsEmpty());
}

TEST(Restart, ReportsAreTheSameWithAndWithoutFoldsOnTheWay) {
  std::vector<jobs::JobView> views;
  for (const size_t fold_updates : {2u, 100u}) {
    SmallFederation f(ThreeSites());
    f.fold_updates = fold_updates;
    f.Start();
    const auto job = f.Submit(JobText());
    ASSERT_TRUE(job.ok());
    ASSERT_TRUE(f.RunToEnd(*job));
    views.push_back(f.Show(*job));
  }
  EXPECT_EQ(views[0].state, views[1].state);
  ASSERT_EQ(views[0].steps.size(), views[1].steps.size());
  for (size_t i = 0; i < views[0].steps.size(); ++i) {
    const jobs::StepView& folded = views[0].steps[i];
    const jobs::StepView& plain = views[1].steps[i];
    EXPECT_EQ(folded.total_weight, plain.total_weight);
    for (size_t site = 0; site < folded.sites.size(); ++site) {
      Bytes a, b;
      ByteWriter to_a(a), to_b(b);
      jobs::PutMetrics(to_a, folded.sites[site].metrics);
      jobs::PutMetrics(to_b, plain.sites[site].metrics);
      EXPECT_EQ(a, b);
      EXPECT_GT(a.size(), 1u) << "there are metrics";
    }
  }
}

// Of the round that was open: its first two updates were accepted by the server before.
TEST(Restart, ReportsNameTheKernelThatEachSiteRan) {
  auto manners = OneIsSilent();
  manners[0].kernel = "eigen-a";
  manners[1].kernel = "eigen-b";
  SmallFederation f(manners);
  const JobId job = InItsFirstRound(f);
  f.Crash(CrashKind::kPowerCut);
  f.sites[0]->manners.kernel = "eigen-c";  // upgraded meanwhile
  f.sites[2]->manners.silent = false;
  ComeBack(f);
  ASSERT_TRUE(f.RunToEnd(job));
  const auto kernels_of = [&](size_t step) {
    std::vector<std::string> kernels;
    const jobs::JobView view = f.Show(job);
    for (const jobs::SiteStepView& site : view.steps.at(step).sites) {
      kernels.push_back(site.kernel);
    }
    return kernels;
  };
  EXPECT_THAT(kernels_of(0), ::testing::ElementsAre("eigen-a", "eigen-b", ""));
  EXPECT_THAT(kernels_of(1), ::testing::ElementsAre("eigen-c", "eigen-b", ""));
  const std::vector<std::string> before = kernels_of(1);
  f.Crash(CrashKind::kPowerCut);
  ComeBack(f);
  EXPECT_EQ(kernels_of(1), before) << "from the journal";
}

TEST(Restart, EpochsGoOnFromWhereTheyWere) {
  SmallFederation f(std::vector<FakeSite::Manners>(1));
  f.Start();
  const Epoch before = f.server->federation().Sites().at(0).epoch;
  f.Crash(CrashKind::kPowerCut);
  ComeBack(f);
  EXPECT_GT(f.server->federation().Sites().at(0).epoch, before);
}

TEST(ServerRestart, TheJobTellsWhoRestartedAndHowItWentOn) {
  SmallFederation federation(ThreeSites());
  federation.Start();
  federation.sites[2]->manners.silent = true;
  ASSERT_OK_AND_ASSIGN(const JobId job, federation.Submit(JobText()));
  federation.Settle();  // two of three updates of round 1
  for (int i = 0; i < 2; ++i) {
    federation.Crash(CrashKind::kProcess);
    federation.clock.Advance(std::chrono::seconds(5));
    federation.Start();
    federation.Settle();
  }
  federation.clock.Advance(std::chrono::seconds(1));
  federation.sites[0]->manners.process = 2;  // killed and started again
  ASSERT_TRUE(federation.sites[0]->Attend(*federation.server));
  federation.sites[1]->Leave();
  ASSERT_TRUE(federation.sites[1]->Attend(*federation.server));
  federation.Settle();
  federation.Crash(CrashKind::kProcess);  // the story survives this one, too
  federation.clock.Advance(std::chrono::seconds(5));
  federation.sites[2]->manners.silent = false;
  federation.Start();
  ASSERT_TRUE(federation.RunToEnd(job));
  const jobs::JobView view = federation.Show(job);
  EXPECT_EQ(view.now, federation.clock.UtcNow());
  ASSERT_EQ(view.setbacks.size(), 3u);
  EXPECT_EQ(view.setbacks[0].what, jobs::Setback::kServerRestarted);
  EXPECT_EQ(view.setbacks[0].count, 3u);
  EXPECT_EQ(view.setbacks[0].round, RoundNumber(1));
  EXPECT_EQ(view.setbacks[0].accepted, 2u);
  EXPECT_EQ(view.setbacks[0].selected, 3u);
  EXPECT_EQ(view.setbacks[1].what, jobs::Setback::kSiteRestarted);
  EXPECT_EQ(view.setbacks[1].site, SiteId("a"));
  EXPECT_EQ(view.setbacks[1].count, 1u);
  EXPECT_EQ(view.setbacks[2].what, jobs::Setback::kSiteReconnected);
  EXPECT_EQ(view.setbacks[2].site, SiteId("b"));
}

}  // namespace
}  // namespace consilium::server::round
