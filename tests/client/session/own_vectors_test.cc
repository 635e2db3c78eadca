// What a strategy keeps at a site moves with the federation: counted, and only then.
#include "client/session/own_vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/client/session/session_fixture.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using ::consilium::testing::HasCode;
using ::consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::OutcomeKind;

class OwnVectorTest : public SiteSessionTest {
 protected:
  void AdmitScaffold() {
    Connect();
    session_->OnMessage(job_);
    Work();
  }
  void Train(uint64_t step) {
    wire::TaskOffer offer = OfferOf(step, wire::Workload::kTrain, step - 3);
    offer.job = job_.job;
    session_->OnMessage(offer);
    Work();
  }
  void Hear(uint64_t step, OutcomeKind kind) {
    session_->OnMessage(wire::Outcome{job_.job, StepNumber(step), kind, ""});
    Work();
  }
  void Restart() {
    storage_.Crash(CrashKind::kPowerCut);
    storage_.SetFaults({});
    Start();
    ConnectAnew();
  }
  std::vector<std::string> Files() const { return *storage_.List("site/own"); }

  const wire::JobNotice job_ =
      NoticeOf(std::string(kJobFile) + "[aggregation]\nstrategy = \"scaffold\"\n");
};

TEST_F(OwnVectorTest, CountedMovesItAndNothingElseDoes) {
  AdmitScaffold();
  Train(4);
  EXPECT_THAT(own_, IsEmpty());
  Hear(4, OutcomeKind::kRoundFailed);
  Train(5);
  EXPECT_THAT(own_, IsEmpty());
  Hear(5, OutcomeKind::kCounted);
  Train(6);
  EXPECT_THAT(own_, ElementsAre(1, 1));
  Hear(6, OutcomeKind::kLateDropped);
  EXPECT_THAT(Files(), SizeIs(1));
  EXPECT_EQ(trained_, 3);
}

TEST_F(OwnVectorTest, ItIsStillThereAfterAPowerCut) {
  AdmitScaffold();
  Train(4);
  Restart();
  Hear(4, OutcomeKind::kCounted);
  Restart();
  Train(5);
  EXPECT_THAT(own_, ElementsAre(1, 1));
  EXPECT_EQ(trained_, 2);
}

// At every operation of the disk from the training to the outcome: in the end it has moved once.
TEST_F(OwnVectorTest, APowerCutAtAnyPointMovesItOnce) {
  AdmitScaffold();
  constexpr uint64_t kStep = 4;
  int quiet = 0;
  for (uint64_t at = 1; at <= 60; ++at) {
    SCOPED_TRACE(at);
    uplink_->sent.clear();
    uplink_->submitted.clear();
    storage_.SetFaults({.fail_operation = at, .and_all_after = true});
    Train(kStep);
    const bool submitted = !uplink_->submitted.empty();
    if (submitted) Hear(kStep, OutcomeKind::kCounted);
    const bool acknowledged = !uplink_->Heard<wire::OutcomeAck>().empty();
    quiet += acknowledged ? 1 : 0;
    Restart();
    if (!submitted) Train(kStep);
    if (!acknowledged) Hear(kStep, OutcomeKind::kCounted);
    OwnVectors own("site/own", storage_);
    ASSERT_OK_AND_ASSIGN(const auto vector, own.Find(job_.job));
    EXPECT_THAT(vector, ElementsAre(1, 1));
    EXPECT_THAT(Files(), SizeIs(1));
    session_->OnMessage(wire::JobEnded{job_.job, "done"});
    Work();
    EXPECT_THAT(Files(), IsEmpty());
    session_->OnMessage(job_);
    Work();
  }
  EXPECT_GT(quiet, 0);   // the last ones are past the end
  EXPECT_LT(quiet, 50);  // and the first ones are not
}

TEST_F(OwnVectorTest, TheNextTrainingWaitsForTheOutcomeOfTheLast) {
  AdmitScaffold();
  Train(4);
  Train(5);
  EXPECT_EQ(trained_, 1);
  Hear(4, OutcomeKind::kCounted);
  clock_.Advance(kMinute);
  Work();
  EXPECT_EQ(trained_, 2);
  EXPECT_THAT(own_, ElementsAre(1, 1));
}

TEST_F(OwnVectorTest, ADiskThatRefusesToMoveItIsAskedAgain) {
  AdmitScaffold();
  Train(4);
  storage_.SetFaults({.fail_operation = 1, .and_all_after = true});
  Hear(4, OutcomeKind::kCounted);
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), IsEmpty());
  storage_.SetFaults({});
  clock_.Advance(kMinute);
  Work();
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), SizeIs(1));
  Train(5);
  EXPECT_THAT(own_, ElementsAre(1, 1));
}

TEST_F(OwnVectorTest, OtherStrategiesKeepNothing) {
  Admit();
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(trained_, 1);
  EXPECT_THAT(Files(), IsEmpty());
}

TEST(OwnVectors, ADamagedOneCountsAsAbsentAndANewerOneIsRefused) {
  MemoryStorage storage;
  OwnVectors own("own", storage);
  const JobId job("0123456789abcdef");
  const std::vector<float> vector = {1, 2, 3};
  ASSERT_THAT(own.Stage(job, StepNumber(7), vector), IsOk());
  EXPECT_THAT(own.Staged(job), ElementsAre(StepNumber(7)));
  ASSERT_OK_AND_ASSIGN(auto found, own.Find(job));
  EXPECT_THAT(found, IsEmpty());  // only staged
  ASSERT_THAT(own.Advance(job, StepNumber(7)), IsOk());
  ASSERT_THAT(own.Advance(job, StepNumber(7)), IsOk());  // heard twice
  ASSERT_OK_AND_ASSIGN(found, own.Find(job));
  EXPECT_THAT(found, ElementsAre(1, 2, 3));
  const std::string path = "own/0123456789abcdef.vector";
  Bytes bytes = ReadWhole(storage, path, 1000).value();
  for (size_t at = 0; at < bytes.size(); ++at) {
    Bytes damaged = bytes;
    damaged[at] ^= std::byte{1};
    ASSERT_THAT(WriteDurably(storage, path, damaged), IsOk());
    const auto read = own.Find(job);
    if (at >= 8 && at < 12) {
      EXPECT_THAT(read, HasCode(ErrorCode::kFormatVersion)) << at;
    } else {
      EXPECT_TRUE(read.ok() && read->empty()) << at;
    }
  }
  ASSERT_THAT(own.RemoveJob(job), IsOk());
  EXPECT_THAT(*storage.List("own"), IsEmpty());
}

}  // namespace
}  // namespace consilium::client::session
