#include "server/round/coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "server/round/inline_state.h"
#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Weights 1, 1, 2 and deltas 1, 2, 4: the mean is 11 / 4.
std::vector<float> ModelOf(const SmallFederation& f, const Digest& state) {
  const wire::StatePart part = f.server->states().GetBroadcast(state).value();
  std::vector<float> model;
  for (size_t t = 0; t < part.tensors.layout().size(); ++t) {
    if (part.tensors.layout().tensors()[t].dtype != tensor::DType::kFloat32) continue;
    for (const float x : part.tensors.Float32(t)) model.push_back(x);
  }
  return model;
}

// A newer server and an older site: it fetches, as it always did.
TEST(Coordinator, ASmallStateTravelsInTheOffersOfSitesThatTakeIt) {
  std::vector<FakeSite::Manners> manners = ThreeSites();
  manners[1].capabilities = {"fedavg", std::string(wire::kStateInOffer)};
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  ASSERT_TRUE(f.RunToEnd(job));
  for (const auto& site : f.sites) {
    ASSERT_EQ(site->offers.size(), 3u);
    for (const wire::TaskOffer& offer : site->offers) {
      if (site != f.sites[1]) {
        EXPECT_EQ(offer.inline_state, nullptr);
        continue;
      }
      ASSERT_NE(offer.inline_state, nullptr);
      EXPECT_EQ(crypto::Sha256Of(offer.inline_state->manifest), offer.state);
      const wire::Manifest refs = wire::DecodeManifest(offer.inline_state->manifest).value();
      EXPECT_EQ(crypto::Sha256Of(offer.inline_state->broadcast), refs.broadcast.digest);
    }
  }
}

TEST(Coordinator, TheOffersOfAStepShareItsCohort) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  ASSERT_TRUE(f.RunToEnd(job));
  const wire::TaskOffer& first = f.sites[0]->offers.front();
  ASSERT_NE(first.cohort, nullptr);
  EXPECT_EQ(first.cohort->size(), 3u);
  for (const auto& site : f.sites) EXPECT_EQ(site->offers.front().cohort, first.cohort);
  EXPECT_NE(f.sites[0]->offers.back().cohort, first.cohort) << "another step";
}

TEST(Coordinator, AStateTooLargeForAnOfferOrForAllOffersIsFetched) {
  MemoryStorage storage;
  store::StateStore states("/states", storage);
  wire::State state;
  state.broadcast.texts["padding"] = std::string(1000, 'x');
  const Digest small = states.Put(state).value();
  EXPECT_NE(InlineStateOf(states, small, 10), nullptr);
  EXPECT_EQ(InlineStateOf(states, small, kMaxInlineBytesOfStep / 1000), nullptr);
  state.broadcast.texts["padding"] = std::string(wire::kMaxInlineStateBytes, 'x');
  EXPECT_EQ(InlineStateOf(states, states.Put(state).value(), 1), nullptr);
  EXPECT_EQ(InlineStateOf(states, Digest(), 1), nullptr);
}

TEST(Coordinator, JobOfThreeSitesCommitsTheWeightedMeanOfEachRound) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  ASSERT_TRUE(f.RunToEnd(job));
  const jobs::JobView view = f.Show(job);
  EXPECT_EQ(view.status, jobs::JobStatus::kDone) << view.reason;
  EXPECT_EQ(view.rounds_committed, 2u);
  EXPECT_EQ(view.rounds_failed, 0u);
  // Two features and a bias, from zero: two rounds of 11 / 4.
  EXPECT_THAT(ModelOf(f, view.state), ElementsAre(5.5f, 5.5f, 5.5f));
  ASSERT_EQ(view.steps.size(), 3u);
  EXPECT_EQ(view.steps[0].total_weight, 4u);
  EXPECT_EQ(view.steps[0].state, view.steps[1].base_state);
  EXPECT_EQ(view.steps[2].workload, wire::Workload::kEvaluate);
  for (const auto& site : f.sites) {
    EXPECT_THAT(OutcomesOf(*site), ElementsAre("counted", "counted", "counted"));
    ASSERT_EQ(site->ended.size(), 1u);
    EXPECT_EQ(site->ended[0].result, "done");
    EXPECT_EQ(site->notices, 1);
  }
}

TEST(Coordinator, ReportNamesEverySiteWithItsMetrics) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  ASSERT_TRUE(f.RunToEnd(job));
  const jobs::StepView step = f.Show(job).steps.at(0);
  ASSERT_EQ(step.sites.size(), 3u);
  for (const jobs::SiteStepView& site : step.sites) {
    EXPECT_EQ(site.result, "counted");
    EXPECT_GT(site.update_bytes, 0u);
    EXPECT_FALSE(site.update_digest.IsZero());
    ASSERT_TRUE(site.metrics.train.has_value());
    EXPECT_EQ(site.metrics.train->rows, 8u);
    EXPECT_EQ(site.metrics.train->loss, 1.0);
  }
  ASSERT_TRUE(step.metrics.train.has_value());
  EXPECT_EQ(step.metrics.train->rows, 24u);
}

TEST(Coordinator, SameJobFileTwiceGivesTheSameFinalState) {
  Digest first;
  for (const uint8_t nonce : {1, 2}) {
    SmallFederation f(ThreeSites());
    f.Start();
    ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText(), nonce));
    ASSERT_TRUE(f.RunToEnd(job));
    if (first.IsZero()) first = f.Show(job).state;
    EXPECT_EQ(f.Show(job).state, first);
  }
}

TEST(Coordinator, SameEnvelopeTwiceIsOneJob) {
  SmallFederation f(ThreeSites());
  f.Start();
  const Bytes envelope = f.EnvelopeWith(1);
  const std::string text = JobText();
  ASSERT_OK_AND_ASSIGN(const Submitted one, f.server->Submit("ada", envelope, AsBytes(text)));
  ASSERT_OK_AND_ASSIGN(const Submitted two, f.server->Submit("ada", envelope, AsBytes(text)));
  EXPECT_FALSE(one.already_known);
  EXPECT_TRUE(two.already_known);
  EXPECT_EQ(one.job, two.job);
  EXPECT_EQ(f.server->List().size(), 1u);
}

TEST(Coordinator, SubmitRefusesWhatCannotRun) {
  SmallFederation f(ThreeSites());
  f.Start();
  EXPECT_THAT(f.Submit("name = \"x\"\n"), HasCode(ErrorCode::kJobMissingKey));
  wire::Envelope other;
  other.federation = "elsewhere";
  EXPECT_THAT(f.server->Submit("ada", wire::EncodeEnvelope(other), AsBytes(JobText())),
              HasCode(ErrorCode::kNotAllowed));
  const Bytes old = f.EnvelopeWith(1);
  f.clock.Advance(std::chrono::hours(2));
  EXPECT_THAT(f.server->Submit("ada", old, AsBytes(JobText())), HasCode(ErrorCode::kNotAllowed));
  std::string from_state = JobText();
  from_state.replace(from_state.find("[participation]"), 0,
                     fmt::format("init = \"sha256:{}\"\n", std::string(64, 'a')));
  EXPECT_THAT(f.Submit(from_state), HasCode(ErrorCode::kStateNotFound));
  EXPECT_TRUE(f.server->List().empty());
}

TEST(Coordinator, TwoJobsAtOnceDoNotDisturbEachOther) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId one, f.Submit(JobText("min_sites = 3"), 1));
  ASSERT_OK_AND_ASSIGN(const JobId two, f.Submit(JobText("min_sites = 1\nsites = [\"a\"]"), 2));
  ASSERT_TRUE(f.RunToEnd(one));
  ASSERT_TRUE(f.RunToEnd(two));
  EXPECT_THAT(ModelOf(f, f.Show(one).state), ElementsAre(5.5f, 5.5f, 5.5f));
  EXPECT_THAT(ModelOf(f, f.Show(two).state), ElementsAre(2.f, 2.f, 2.f));
  EXPECT_EQ(f.sites[1]->notices, 1) << "b is not asked for the job of a alone";
  ASSERT_EQ(f.server->List().size(), 2u);
  EXPECT_EQ(f.server->List()[0].job, two) << "newest first";
}

TEST(Coordinator, TooFewSitesParksTheJobWithItsReasonAndGoesOnWhenTheyCome) {
  SmallFederation f(ThreeSites());
  ASSERT_TRUE(f.TryStart());
  f.sites[0]->Attend(*f.server);
  f.sites[1]->Attend(*f.server);
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  EXPECT_FALSE(f.RunToEnd(job)) << "nothing is due: it waits for a site";
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kWaiting);
  EXPECT_THAT(f.Show(job).wait.text, HasSubstr("2 of min_sites=3"));
  EXPECT_TRUE(f.sites[0]->offers.empty());
  f.sites[2]->Attend(*f.server);
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
}

TEST(Coordinator, TooFewSitesFailsTheJobThatWantsThat) {
  SmallFederation f(std::vector<FakeSite::Manners>(1));
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 3\non_too_few = \"fail\"")));
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kFailed);
  EXPECT_THAT(f.Show(job).reason, HasSubstr("CN0708"));
}

TEST(Coordinator, SiteThatRefusesAdmissionIsShownAndNotSelected) {
  auto manners = ThreeSites();
  manners.push_back({.verdict = wire::Verdict::kRefused});
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  ASSERT_TRUE(f.RunToEnd(job));
  const jobs::JobView view = f.Show(job);
  EXPECT_EQ(view.status, jobs::JobStatus::kDone);
  ASSERT_EQ(view.admissions.size(), 4u);
  EXPECT_EQ(view.admissions[3].verdict, wire::Verdict::kRefused);
  EXPECT_EQ(view.admissions[3].rule, "min_rows");
  EXPECT_TRUE(f.sites[3]->offers.empty());
  EXPECT_EQ(view.steps[0].sites.size(), 3u);
}

TEST(Coordinator, UpdateThatIsNotFiniteIsRejectedByNameAndItsSiteReportedFailed) {
  auto manners = ThreeSites();
  manners.push_back({.delta = std::numeric_limits<float>::quiet_NaN()});
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_THAT(ModelOf(f, f.Show(job).state), ElementsAre(5.5f, 5.5f, 5.5f));
  const jobs::SiteStepView site = f.Show(job).steps[0].sites.at(3);
  EXPECT_EQ(site.result, "failed");
  EXPECT_THAT(site.reason, HasSubstr("CN0701"));
  EXPECT_THAT(site.reason, HasSubstr("`w`")) << "the tensor is named";
}

TEST(Coordinator, SilentSiteLosesItsLeaseAndTheRestGoOn) {
  auto manners = ThreeSites();
  manners.push_back({.silent = true});
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  f.Settle();
  EXPECT_THAT(f.Show(job).wait.text,
              HasSubstr("waiting for 1 of 4 sites, at most 5m00s: d (asked"));
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
  EXPECT_THAT(f.Show(job).steps[0].sites.at(3).reason, HasSubstr("CN0712"));
  EXPECT_EQ(f.sites[3]->cancels.size(), 3u);
}

TEST(Coordinator, FailedRoundsAreBoundedAndTheLastReasonIsShown) {
  SmallFederation f(std::vector<FakeSite::Manners>{{.silent = true}});
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 1\nmax_failed_rounds = 2")));
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kFailed);
  EXPECT_EQ(f.Show(job).rounds_failed, 3u);
  EXPECT_THAT(f.Show(job).reason, HasSubstr("CN0709"));
  EXPECT_THAT(f.Show(job).reason, HasSubstr("CN0712"));
}

TEST(Coordinator, SiteThatReconnectsInARoundGetsItsOfferAgainAndIsCountedOnce) {
  auto manners = ThreeSites();
  manners[1].silent = true;
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  f.Settle();
  f.sites[1]->Leave();
  f.Settle();
  f.sites[1]->manners.silent = false;
  ASSERT_TRUE(f.sites[1]->Attend(*f.server));
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
  EXPECT_EQ(f.Show(job).rounds_failed, 0u);
  EXPECT_GE(f.sites[1]->offers.size(), 4u);
  EXPECT_THAT(ModelOf(f, f.Show(job).state), ElementsAre(5.5f, 5.5f, 5.5f));
}

TEST(Coordinator, SiteThatMissedItsOutcomeHearsItWhenItAttends) {
  auto manners = ThreeSites();
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 2")));
  // c works its first offer and loses its connection before it reads the outcome.
  while (f.sites[2]->computed == 0) {
    f.server->Pump();
    for (const auto& site : f.sites) site->Work();
  }
  f.server->Pump();
  f.sites[2]->Leave();
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_TRUE(f.sites[2]->outcomes.empty());
  ASSERT_TRUE(f.sites[2]->Attend(*f.server));
  f.Settle();
  EXPECT_THAT(OutcomesOf(*f.sites[2]), ElementsAre("counted"));
  EXPECT_EQ(f.sites[2]->ended.at(0).result, "done");
}

TEST(Coordinator, SiteAwayForAMomentBetweenRoundsIsWaitedFor) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 1")));
  while (f.sites[2]->computed == 0) {
    f.server->Pump();
    for (const auto& site : f.sites) site->Work();
  }
  f.sites[2]->Leave();
  f.Settle();
  EXPECT_EQ(f.Show(job).rounds_committed, 1u);
  EXPECT_THAT(f.Show(job).wait.text, HasSubstr("c (to come back)"));
  f.clock.Advance(seconds(20));
  ASSERT_TRUE(f.sites[2]->Attend(*f.server));
  ASSERT_TRUE(f.RunToEnd(job));
  const jobs::JobView view = f.Show(job);
  ASSERT_EQ(view.steps.size(), 3u);
  for (const jobs::StepView& step : view.steps) EXPECT_EQ(step.sites.size(), 3u);
}

TEST(Coordinator, SiteThatStaysAwayIsWaitedForOnceAndThenLeftOut) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 2")));
  while (f.sites[2]->computed == 0) {
    f.server->Pump();
    for (const auto& site : f.sites) site->Work();
  }
  f.sites[2]->Leave();
  const Instant left = f.clock.Now();
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).steps.at(1).sites.size(), 2u);
  EXPECT_EQ(f.clock.Now() - left, seconds(30));
}

TEST(Coordinator, FullDiskParksTheJobAndItGoesOnWhenThereIsRoom) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  // Everything is accepted; the disk fills up before the commit.
  while (f.sites[2]->computed == 0) {
    f.server->Pump();
    for (const auto& site : f.sites) site->Work();
  }
  f.storage.SetFaults(
      {.fail_operation = 1, .and_all_after = true, .code = ErrorCode::kStorageFull});
  EXPECT_FALSE(f.RunToEnd(job, 20));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kWaiting);
  EXPECT_THAT(f.Show(job).wait.text, HasSubstr("disk"));
  f.storage.SetFaults({});
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
  EXPECT_THAT(ModelOf(f, f.Show(job).state), ElementsAre(5.5f, 5.5f, 5.5f));
  EXPECT_EQ(f.Show(job).rounds_failed, 0u);
}

TEST(Coordinator, WatchersHearOfEveryChangeUntilTheyLeave) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  std::vector<uint64_t> versions;
  ASSERT_OK_AND_ASSIGN(const uint64_t ticket, f.server->Watch(job, [&](uint64_t version) {
    versions.push_back(version);
    EXPECT_THAT(f.server->Show(job), IsOk()) << "called under no lock";
  }));
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_GT(versions.size(), 6u);
  EXPECT_TRUE(std::is_sorted(versions.begin(), versions.end()));
  f.server->Unwatch(ticket);
  const size_t before = versions.size();
  ASSERT_THAT(f.Submit(JobText(), 2), IsOk());
  f.Settle();
  EXPECT_EQ(versions.size(), before);
  EXPECT_THAT(f.server->Watch(JobId("0123456789abcdef"), [](uint64_t) {}),
              HasCode(ErrorCode::kJobNotFound));
}

TEST(Coordinator, DrainClosesEveryStreamAndTheJobGoesOnAfterwards) {
  auto manners = ThreeSites();
  manners[2].silent = true;
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText()));
  f.Settle();
  f.server->Drain();
  EXPECT_THAT(f.sites[0]->closed(), HasCode(ErrorCode::kConnectionLost));
  EXPECT_FALSE(f.server->Pump());
  EXPECT_THAT(f.Submit(JobText(), 2), HasCode(ErrorCode::kOverloaded));
  f.Crash(CrashKind::kPowerCut);
  f.sites[2]->manners.silent = false;
  f.Start();
  ASSERT_TRUE(f.RunToEnd(job));
  EXPECT_THAT(ModelOf(f, f.Show(job).state), ElementsAre(5.5f, 5.5f, 5.5f));
  EXPECT_EQ(f.Show(job).rounds_failed, 0u);
  EXPECT_EQ(f.sites[0]->computed, 3) << "what was accepted before is not computed again";
}

}  // namespace
}  // namespace consilium::server::round
