// A site that stops, dies, or is slow: what it does again and what it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/client/session/session_fixture.h"

namespace consilium::client::session {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class SiteRestartTest : public SiteSessionTest {};

TEST_F(SiteRestartTest, TaskPutAsideGoesOnFromItsCheckpoint) {
  Admit();
  int calls = 0;
  during_train_ = [&] {
    if (++calls == 500) session_->Stop();
  };
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(calls, 500);
  EXPECT_THAT(uplink_->submitted, IsEmpty());
  EXPECT_THAT(uplink_->Heard<wire::TaskFailed>(), IsEmpty());
  storage_.Crash(CrashKind::kPowerCut);
  Start();
  ConnectAnew();
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(first_step_, 499u);
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
  EXPECT_THAT(*storage_.List("site/checkpoints"), IsEmpty());
}

TEST_F(SiteRestartTest, KilledInMidTrainingGoesOnFromTheCheckpointOfTheClock) {
  Admit();
  uint64_t calls = 0;
  during_train_ = [&] {
    clock_.Advance(std::chrono::milliseconds(100));
    if (++calls == 700) storage_.Crash(CrashKind::kPowerCut);  // every 300 steps was one written
    if (calls > 700) storage_.SetFaults({.fail_operation = 1, .and_all_after = true});
  };
  session_->OnMessage(OfferOf(4));
  Work();
  storage_.Crash(CrashKind::kPowerCut);
  storage_.SetFaults({});
  during_train_ = nullptr;
  Start();
  ConnectAnew();
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(first_step_, 599u);
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
}

TEST_F(SiteRestartTest, CheckpointOfATaskThatClosedGoesWithItsOutcome) {
  Admit();
  int calls = 0;
  during_train_ = [&] {
    clock_.Advance(std::chrono::seconds(1));
    if (++calls == 100) session_->OnMessage(wire::CancelTask{notice_.job, StepNumber(4), "closed"});
  };
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_THAT(*storage_.List("site/checkpoints"), SizeIs(1));
  session_->OnMessage(wire::Outcome{notice_.job, StepNumber(4), wire::OutcomeKind::kFailed, ""});
  Work();
  EXPECT_THAT(*storage_.List("site/checkpoints"), IsEmpty());
}

TEST_F(SiteRestartTest, SlowReadingOfTheDataRenewsTheLease) {
  Admit();
  datasets_.pieces = 40;
  datasets_.during_load = [&] { clock_.Advance(std::chrono::seconds(10)); };
  session_->OnMessage(OfferOf(4));
  session_->OnMessage(OfferOf(5, wire::Workload::kTrain, 2));
  session_->RunOne();
  std::map<uint64_t, int> beats;
  for (const auto& progress : uplink_->Heard<wire::TaskProgress>()) {
    if (progress.phase == "load" || progress.phase == "queued") ++beats[progress.step.value()];
  }
  EXPECT_GE(beats[4], 400 / 20);  // the lease is a minute
  EXPECT_GE(beats[5], 400 / 20);
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
}

TEST_F(SiteRestartTest, ReadingForAnAdmissionKeepsTheWaitingTasksAlive) {
  Admit();
  datasets_.pieces = 40;
  datasets_.during_load = [&] { clock_.Advance(std::chrono::seconds(10)); };
  session_->OnMessage(OfferOf(4));
  session_->OnMessage(NoticeOf(std::string(kJobFile) + "# another\n"));
  session_->RunOne();  // the notice
  EXPECT_EQ(trained_, 0);
  EXPECT_GE(uplink_->Heard<wire::TaskProgress>().size(), 400u / 20);
}

TEST_F(SiteRestartTest, StopEndsTheReadingForAnAdmissionWithoutAnAnswer) {
  Connect();
  datasets_.pieces = 40;
  int pieces = 0;
  datasets_.during_load = [&] {
    if (++pieces == 3) session_->Stop();
  };
  session_->OnMessage(notice_);
  Work();
  EXPECT_EQ(pieces, 3);
  EXPECT_THAT(uplink_->Heard<wire::AdmissionReply>(), IsEmpty());
}

TEST_F(SiteRestartTest, DrainFinishesTheTaskAtHandAndTakesNoOther) {
  Admit();
  int calls = 0;
  during_train_ = [&] {
    if (++calls != 10) return;
    session_->Drain();
    EXPECT_FALSE(session_->WaitIdle(SystemClock().Now()));
    session_->OnMessage(OfferOf(6, wire::Workload::kTrain, 3));
  };
  session_->OnMessage(OfferOf(4));
  session_->OnMessage(OfferOf(5, wire::Workload::kTrain, 2));
  Work();
  EXPECT_TRUE(session_->WaitIdle(SystemClock().Now()));
  EXPECT_EQ(trained_, 1);
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
  EXPECT_THAT(uplink_->Heard<wire::TaskAccepted>(), SizeIs(2));
  EXPECT_THAT(uplink_->Heard<wire::TaskRefused>(), IsEmpty());
  // Outcomes are still heard.
  session_->OnMessage(wire::Outcome{notice_.job, StepNumber(4), wire::OutcomeKind::kCounted, ""});
  Work();
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), SizeIs(1));
}

}  // namespace
}  // namespace consilium::client::session
