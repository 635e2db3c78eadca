// A site whose own disk is full, read-only or failing: it says so, loses nothing, and goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/wire/update_file.h"
#include "tests/client/session/session_fixture.h"

namespace consilium::client::session {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class BadDiskTest : public SiteSessionTest {
 protected:
  static constexpr StorageFaults kFull{.capacity_bytes = 0};
  static constexpr StorageFaults kReadOnly{.fail_operation = 1, .and_all_after = true};
  // The disk turns bad while the task is computed.
  void TrainOn(const StorageFaults& faults) {
    during_train_ = [this, faults] { storage_.SetFaults(faults); };
    session_->OnMessage(OfferOf(4));
    Work();
    during_train_ = nullptr;
  }
  // Different ones.
  uint64_t StepsSubmitted() const {
    std::set<StepNumber> steps;
    for (const Bytes& update : uplink_->submitted) {
      steps.insert(wire::ParseUpdateHeader(update).value().header.key.step);
    }
    return steps.size();
  }
  void LaterWork() {
    clock_.Advance(kMinute);
    Work();
  }
};

TEST_F(BadDiskTest, FullOrReadOnlyDiskIsWaitedForAndTheUpdateIsNotComputedAgain) {
  for (const StorageFaults& faults : {kFull, kReadOnly}) {
    Admit();
    TrainOn(faults);
    EXPECT_FALSE(session_->disk().ok());
    EXPECT_THAT(std::string(session_->disk().message()), HasSubstr("the site's own disk"));
    LaterWork();
    EXPECT_THAT(uplink_->Heard<wire::TaskProgress>(),
                Contains(Field(&wire::TaskProgress::phase, "disk")));
    EXPECT_THAT(uplink_->Heard<wire::TaskFailed>(), IsEmpty());
    EXPECT_THAT(uplink_->submitted, IsEmpty());
    storage_.SetFaults({});
    LaterWork();
    EXPECT_EQ(trained_, 1);
    EXPECT_THAT(uplink_->submitted, SizeIs(1));
    EXPECT_THAT(session_->disk(), IsOk());
    session_->OnMessage(wire::JobEnded{notice_.job, "done"});
    Work();
    ConnectAnew();
    trained_ = 0;
  }
}

TEST_F(BadDiskTest, DiskThatStaysFullEndsTheTaskByNameAndTellsNoPath) {
  Admit();
  TrainOn(kFull);
  for (int minute = 0; minute < 10; ++minute) LaterWork();  // the offer's time is five
  ASSERT_THAT(uplink_->Heard<wire::TaskFailed>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskFailed>()[0].code, "CN0802");
  EXPECT_THAT(uplink_->Heard<wire::TaskFailed>()[0].message, Not(HasSubstr("site/")));
  EXPECT_THAT(session_->disk(), HasCode(ErrorCode::kStorageFull));
}

TEST_F(BadDiskTest, WaitingForTheDiskRenewsTheLease) {
  Admit();
  TrainOn(kFull);
  const size_t before = uplink_->Heard<wire::TaskProgress>().size();
  for (int i = 0; i < 16; ++i) {
    clock_.Advance(std::chrono::seconds(15));  // a quarter of the lease
    Work();
  }
  EXPECT_GE(uplink_->Heard<wire::TaskProgress>().size(), before + 14);
}

TEST_F(BadDiskTest, OutcomeIsAcknowledgedOnlyOnceItIsRecorded) {
  Admit();
  session_->OnMessage(OfferOf(4));
  Work();
  storage_.SetFaults(kReadOnly);
  session_->OnMessage(wire::Outcome{notice_.job, StepNumber(4), wire::OutcomeKind::kCounted, ""});
  Work();
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), IsEmpty());
  EXPECT_FALSE(session_->disk().ok());
  storage_.SetFaults({});
  LaterWork();
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), SizeIs(1));
  EXPECT_THAT(session_->MakeHello().held, IsEmpty());
  EXPECT_THAT(session_->disk(), IsOk());
}

// Damage is not a disk that refuses: it is not waited for, nor said to be.
TEST_F(BadDiskTest, OutcomeThatCannotBeRecordedForAnotherReasonIsHeardAgainAtTheNextConnection) {
  Admit();
  session_->OnMessage(OfferOf(4));
  Work();
  const wire::Outcome outcome{notice_.job, StepNumber(4), wire::OutcomeKind::kCounted, ""};
  storage_.SetFaults(
      {.fail_operation = 1, .and_all_after = true, .code = ErrorCode::kJournalCorrupt});
  session_->OnMessage(outcome);
  Work();
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), IsEmpty());
  EXPECT_THAT(session_->disk(), IsOk());
  EXPECT_THAT(session_->MakeHello().held, SizeIs(1));
  const uint64_t operations = storage_.operations();
  for (int minute = 0; minute < 5; ++minute) LaterWork();
  EXPECT_EQ(storage_.operations(), operations) << "it is not tried again for nothing";
  storage_.SetFaults({});
  ConnectAnew();
  session_->OnMessage(outcome);
  Work();
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), SizeIs(1));
  EXPECT_THAT(session_->MakeHello().held, IsEmpty());
}

TEST_F(BadDiskTest, AJobsEndTakesUpTheOutcomeThatCouldNotBeRecorded) {
  Admit();
  session_->OnMessage(OfferOf(4));
  Work();
  storage_.SetFaults(
      {.fail_operation = 1, .and_all_after = true, .code = ErrorCode::kJournalCorrupt});
  session_->OnMessage(wire::Outcome{notice_.job, StepNumber(4), wire::OutcomeKind::kCounted, ""});
  Work();
  storage_.SetFaults({});
  session_->OnMessage(wire::JobEnded{notice_.job, "done"});
  Work();
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), SizeIs(1)) << "counted, not only forgotten";
  EXPECT_THAT(*storage_.List("site/updates"), IsEmpty());
}

TEST_F(BadDiskTest, AdmissionIsPendingUntilTheDiskTakesTheJob) {
  Connect();
  storage_.SetFaults(kFull);
  session_->OnMessage(notice_);
  Work();
  ASSERT_THAT(uplink_->Heard<wire::AdmissionReply>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].verdict, wire::Verdict::kPending);
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].rule, "CN0802");
  storage_.SetFaults({});
  LaterWork();
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>().back().verdict, wire::Verdict::kAdmitted);
}

TEST_F(BadDiskTest, ServersDiskIsNotTakenForTheSitesOwn) {
  Admit();
  uplink_->submit_result = Error(ErrorCode::kStorageFull, "the disk is full");
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_THAT(session_->disk(), IsOk());
}

// Whichever operation fails once, and however: each step is submitted (again, where the receipt was
// not recorded), and nothing stays behind.
TEST_F(BadDiskTest, AnySingleFaultCostsTimeAndNothingElse) {
  Admit();
  uint64_t step = 0;
  for (const ErrorCode code : {ErrorCode::kStorageIo, ErrorCode::kStorageFull}) {
    for (uint64_t failing = 1; failing <= 16; ++failing) {
      ++step;
      storage_.SetFaults({.fail_operation = failing, .code = code});
      session_->OnMessage(OfferOf(step));
      for (int tries = 0; tries < 4; ++tries) LaterWork();
      EXPECT_EQ(StepsSubmitted(), step) << failing;
      session_->OnMessage(
          wire::Outcome{notice_.job, StepNumber(step), wire::OutcomeKind::kCounted, ""});
      for (int tries = 0; tries < 4; ++tries) LaterWork();
      EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), SizeIs(step)) << failing;
    }
  }
  EXPECT_THAT(uplink_->Heard<wire::TaskFailed>(), IsEmpty());
  EXPECT_THAT(*storage_.List("site/updates"), IsEmpty());
  EXPECT_THAT(session_->disk(), IsOk());
}

}  // namespace
}  // namespace consilium::client::session
