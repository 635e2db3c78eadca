// Nobody waits without a reason: whatever waits says for whom, and until when; and what breaks the
// network ends no job.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/round/small_federation.h"

namespace consilium::server::round {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> NamesIn(const jobs::Wait& wait) {
  std::vector<std::string> names;
  for (const SiteId& site : wait.sites) names.push_back(site.value());
  return names;
}

// The digest of the job's last state when nothing disturbs it.
Digest QuietState(const std::string& text) {
  SmallFederation f(ThreeSites());
  f.Start();
  const JobId job = f.Submit(text).value();
  EXPECT_TRUE(f.RunToEnd(job));
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone);
  return f.Show(job).state;
}

TEST(Waits, ForUpdatesNamesSitesTheirPaceAndTheLimits) {
  auto manners = ThreeSites();
  manners[2].silent = true;
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 2")));
  f.Settle();
  FakeSite& slow = *f.sites[2];
  const StepNumber step = slow.offers.at(0).step;
  slow.Say(wire::TaskProgress{job, step, "submit", 0, 1'000'000});
  f.Settle();
  f.clock.Advance(seconds(10));
  slow.Say(wire::TaskProgress{job, step, "submit", 200'000, 1'000'000});
  f.Settle();
  const jobs::JobView view = f.Show(job);
  EXPECT_EQ(view.wait.kind, "updates");
  EXPECT_THAT(NamesIn(view.wait), ElementsAre("c"));
  EXPECT_EQ(view.wait.since, seconds(10));
  EXPECT_EQ(view.wait.left, seconds(290));
  const jobs::SiteStepView& row = view.current->sites.at(2);
  EXPECT_EQ(row.phase, "submit");
  EXPECT_EQ(row.done, 200'000u);
  EXPECT_EQ(row.total, 1'000'000u);
  EXPECT_EQ(row.per_second, 20'000u);
  EXPECT_EQ(row.quiet, seconds(0));
  EXPECT_EQ(row.left, seconds(60));
  EXPECT_FALSE(view.current->sites.at(0).quiet.has_value()) << "nobody waits for a counted site";
}

TEST(Waits, ASiteThatLeftIsShownAwayWithTheTimeItHas) {
  auto manners = ThreeSites();
  manners[2].silent = true;
  SmallFederation f(manners);
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 2")));
  f.Settle();
  f.sites[2]->Leave();
  f.Settle();
  const jobs::SiteStepView row = f.Show(job).current->sites.at(2);
  EXPECT_TRUE(row.away);
  EXPECT_EQ(row.left, seconds(30));
  EXPECT_THAT(f.Show(job).wait.text, HasSubstr("c (away, given up in 30.0s)"));
  ASSERT_TRUE(f.sites[2]->Attend(*f.server));
  f.Settle();
  EXPECT_FALSE(f.Show(job).current->sites.at(2).away);
}

TEST(Waits, ForAQuorumNamesWhoIsMissingAndHasNoEnd) {
  SmallFederation f(ThreeSites());
  ASSERT_TRUE(f.TryStart());
  ASSERT_TRUE(f.sites[0]->Attend(*f.server));
  ASSERT_OK_AND_ASSIGN(const JobId job,
                       f.Submit(JobText("sites = [\"a\", \"b\", \"c\"]\nmin_sites = 2")));
  f.Settle();
  EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kWaiting);
  EXPECT_EQ(f.Show(job).wait.kind, "quorum");
  EXPECT_THAT(NamesIn(f.Show(job).wait), ElementsAre("b", "c"));
  EXPECT_EQ(f.Show(job).wait.left, std::nullopt);
}

TEST(Waits, ForAnswersNamesTheSiteAndItsLease) {
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(JobText("min_sites = 2")));
  f.sites[2]->manners.deaf = true;
  f.Settle();
  EXPECT_EQ(f.Show(job).wait.kind, "answers");
  EXPECT_THAT(NamesIn(f.Show(job).wait), ElementsAre("c"));
  EXPECT_EQ(f.Show(job).wait.left, seconds(30));
}

TEST(Waits, AJobBehindTheMostThatRunSaysSo) {
  SmallFederation f({});
  ASSERT_TRUE(f.TryStart());
  for (size_t i = 0; i < kMaxRunningJobs; ++i) {
    ASSERT_THAT(f.Submit(JobText(), static_cast<uint8_t>(i + 1)), testing::IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const JobId last, f.Submit(JobText(), 99));
  f.Settle();
  EXPECT_EQ(f.Show(last).status, jobs::JobStatus::kQueued);
  EXPECT_EQ(f.Show(last).wait.kind, "slot");
  EXPECT_THAT(f.Show(last).wait.text, HasSubstr("64 jobs run"));
}

// The site is cut off in `manners`' way when the first round is open, and attends anew later.
void SurvivesPartition(bool deaf, bool mute) {
  const std::string text = JobText("min_sites = 2\nround_deadline = \"5m\"");
  SmallFederation f(ThreeSites());
  f.Start();
  ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(text));
  FakeSite& cut = *f.sites[2];
  for (f.server->Pump(); !f.Show(job).current; f.server->Pump()) {
    for (const auto& site : f.sites) site->Work();
  }
  cut.manners.deaf = deaf;
  cut.manners.mute = mute;
  ASSERT_TRUE(f.RunUntil([&] { return f.Show(job).rounds_committed == 1; }));
  const jobs::SiteStepView row = f.Show(job).steps.at(0).sites.at(2);
  EXPECT_EQ(row.result, "failed");
  EXPECT_THAT(row.reason, HasSubstr("CN0712")) << "by name, after its lease";
  cut.manners.deaf = cut.manners.mute = false;
  cut.Leave();
  ASSERT_TRUE(cut.Attend(*f.server));
  ASSERT_TRUE(f.RunToEnd(job));
  const jobs::JobView view = f.Show(job);
  EXPECT_EQ(view.status, jobs::JobStatus::kDone) << view.reason;
  EXPECT_EQ(view.steps.back().sites.at(2).result, "counted") << "it takes part again";
}

TEST(Partition, NothingPassesEitherWay) { SurvivesPartition(true, true); }
TEST(Partition, TheServerCanSendAndNotReceive) { SurvivesPartition(false, true); }
TEST(Partition, TheServerCanReceiveAndNotSend) { SurvivesPartition(true, false); }

// The wall clock of a machine that was set anew; what elapses is not touched.
class JumpingClock final : public Clock {
 public:
  explicit JumpingClock(const ManualClock& real) : real_(real) {}
  Instant Now() const override { return real_.Now(); }
  UtcMillis UtcNow() const override { return real_.UtcNow() + jump; }
  UtcMillis jump = 0;

 private:
  const ManualClock& real_;
};

TEST(ClockJump, OfAnHourEitherWayEndsNoLeaseAndChangesNoBit) {
  const std::string text = JobText();
  const Digest quiet = QuietState(text);
  for (const hours jump : {hours(1), hours(-1)}) {
    SmallFederation f(ThreeSites());
    JumpingClock clock(f.clock);
    ASSERT_OK_AND_ASSIGN(f.server,
                         Coordinator::Create(SmallFederation::Options(), f.storage, clock));
    for (const auto& site : f.sites) ASSERT_TRUE(site->Attend(*f.server));
    f.sites[1]->manners.silent = true;
    ASSERT_OK_AND_ASSIGN(const JobId job, f.Submit(text));
    f.Settle();
    const jobs::Wait before = f.Show(job).wait;
    clock.jump = std::chrono::milliseconds(jump).count();
    f.Settle();
    EXPECT_EQ(f.Show(job).wait.left, before.left);
    EXPECT_THAT(NamesIn(f.Show(job).wait), ElementsAre("b"));
    f.sites[1]->manners.silent = false;
    f.sites[1]->Leave();
    ASSERT_TRUE(f.sites[1]->Attend(*f.server));
    ASSERT_TRUE(f.RunToEnd(job));
    EXPECT_EQ(f.Show(job).status, jobs::JobStatus::kDone) << f.Show(job).reason;
    EXPECT_EQ(f.Show(job).rounds_failed, 0u);
    EXPECT_EQ(f.Show(job).state, quiet);
    f.server.reset();  // before its clock
  }
}

}  // namespace
}  // namespace consilium::server::round
