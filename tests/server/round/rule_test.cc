// A rule in place of the mean, from the job file to the report and its replay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

// Five sites that move every element by 1, 2, 3, 4 and -1000 a round; e claims most rows.
std::vector<FakeSite::Manners> OneIsWild() {
  std::vector<FakeSite::Manners> manners;
  for (const float delta : {1.0f, 2.0f, 3.0f, 4.0f, -1000.0f}) manners.push_back({.delta = delta});
  manners.back().weight = 5000;
  return manners;
}

std::string RuleText(const std::string& keys, const std::string& top = "") {
  return JobText("min_sites = 5\n[aggregation]\n" + keys, top);
}

std::vector<float> ModelOf(const SmallFederation& f, const Digest& state) {
  const wire::State held = f.server->states().Get(state).value();
  const auto weights = held.broadcast.tensors.Float32(0);
  return {weights.begin(), weights.end()};
}

// The model after two rounds, from zeros.
std::vector<float> ModelBy(const std::string& keys) {
  SmallFederation f(OneIsWild());
  f.Start();
  const auto job = f.Submit(RuleText(keys));
  EXPECT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(f.RunToEnd(*job));
  return ModelOf(f, f.Show(*job).state);
}

TEST(Rule, TakesThePlaceOfTheMean) {
  EXPECT_THAT(ModelBy("rule = \"median\""), Each(FloatEq(4)));
  EXPECT_THAT(ModelBy("rule = \"trimmed_mean\"\nbyzantine = 1"), Each(FloatEq(4)));
  EXPECT_THAT(ModelBy("rule = \"krum\"\nbyzantine = 1"), Each(FloatEq(4)));
  EXPECT_THAT(ModelBy("rule = \"multi_krum\"\nbyzantine = 1"), Each(FloatEq(5)));
  EXPECT_THAT(ModelBy("rule = \"fltrust\"\nroot_site = \"b\""), Each(FloatEq(4)));
  EXPECT_THAT(ModelBy("rule = \"mean\""), Each(::testing::Lt(-1000)));
}

// The server's optimizer goes on with what the rule made: m = d, then 0.5 m + d.
TEST(Rule, GoesThroughTheServersOptimizer) {
  EXPECT_THAT(ModelBy("rule = \"median\"\nstrategy = \"fedavgm\"\nbeta1 = 0.5"), Each(FloatEq(5)));
}

TEST(Rule, TheReportNamesWhomItLeftOut) {
  SmallFederation f(OneIsWild());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(RuleText("rule = \"multi_krum\"\nbyzantine = 1")));
  ASSERT_TRUE(f.RunToEnd(job));
  const jobs::StepView round = f.Show(job).steps.at(0);
  ASSERT_EQ(round.sites.size(), 5u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(round.sites[i].result, "counted");
  EXPECT_EQ(round.sites[4].result, "excluded");
  EXPECT_THAT(round.sites[4].reason, HasSubstr("multi_krum kept the 4 closest of 5 updates"));
  // Its update was accepted in time: it is told so, and deletes its copy.
  EXPECT_THAT(OutcomesOf(*f.sites[4]), ElementsAre("counted", "counted", "counted"));
  EXPECT_EQ(f.Show(job).steps.at(2).sites.at(4).result, "counted") << "of the evaluation";
}

// ... and after a restart as well.
TEST(Rule, TheReportIsDurable) {
  SmallFederation f(OneIsWild());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(RuleText("rule = \"norm_clip\"")));
  ASSERT_TRUE(f.RunToEnd(job));
  f.Crash(CrashKind::kPowerCut);
  ASSERT_TRUE(f.TryStart());
  const jobs::SiteStepView wild = f.Show(job).steps.at(0).sites.at(4);
  EXPECT_EQ(wild.result, "counted");
  EXPECT_THAT(wild.reason, HasSubstr("clipped to 0.003 of it"));
}

TEST(Rule, OrderOfArrivalChangesNoBit) {
  for (const char* keys :
       {"rule = \"median\"", "rule = \"geometric_median\"\nrule_weights = \"rows\"",
        "rule = \"centred_clip\"", "rule = \"multi_krum\"\nbyzantine = 1"}) {
    std::vector<Digest> states;
    for (const bool reversed : {false, true}) {
      SmallFederation f(OneIsWild());
      if (reversed) std::ranges::reverse(f.sites);
      f.Start();
      ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(RuleText(keys)));
      ASSERT_TRUE(f.RunToEnd(job));
      states.push_back(f.Show(job).state);
    }
    EXPECT_EQ(states[0], states[1]) << keys;
  }
}

TEST(Rule, ReplayRedoesIt) {
  for (const char* keys :
       {"rule = \"trimmed_mean\"\nbyzantine = 1", "rule = \"krum\"\nbyzantine = 1",
        "rule = \"geometric_median\"", "rule = \"fltrust\"\nroot_site = \"c\""}) {
    for (const bool kept : {false, true}) {
      SmallFederation f(OneIsWild());
      if (kept) f.small_update_bytes = store::kMaxSmallBytes;
      f.Start();
      ASSERT_OK_AND_ASSIGN(const JobId job,
                           f.Submit(RuleText(keys, kept ? "retain = \"updates\"" : "")));
      ASSERT_TRUE(f.RunToEnd(job));
      f.Crash(CrashKind::kPowerCut);
      ASSERT_TRUE(f.TryStart());
      ASSERT_OK_AND_ASSIGN(const std::vector<ReplayedStep> steps, f.server->Replay(job));
      ASSERT_EQ(steps.size(), 3u);
      for (const ReplayedStep& step : steps) {
        EXPECT_EQ(step.recorded, step.replayed) << keys;
        EXPECT_EQ(step.sums_redone, kept);
      }
    }
  }
}

TEST(Rule, ReplayShowsADamagedAggregate) {
  SmallFederation f(OneIsWild());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(RuleText("rule = \"median\"")));
  ASSERT_TRUE(f.RunToEnd(job));
  const std::string path = "/server/sums/" + job.value() + "/2.sum";
  Bytes sum = ReadWhole(f.storage, path, 1 << 20).value();
  sum.back() ^= std::byte{1};
  f.storage.Plant(path, sum);
  ASSERT_OK_AND_ASSIGN(const std::vector<ReplayedStep> steps, f.server->Replay(job));
  EXPECT_EQ(steps[0].recorded, steps[0].replayed);
  EXPECT_NE(steps[1].recorded, steps[1].replayed);
}

}  // namespace
}  // namespace consilium::server::round
