#include "client/session/site_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/wire/state_file.h"
#include "common/wire/update_file.h"
#include "tests/client/session/session_fixture.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using consilium::testing::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(SiteSessionTest, HelloCarriesAnIdThatTheDiskKeeps) {
  const wire::Hello hello = session_->MakeHello();
  EXPECT_THAT(hello.store_id, SizeIs(32));
  EXPECT_THAT(hello.datasets, ElementsAre("heart"));
  storage_.Crash(CrashKind::kPowerCut);
  Start();
  EXPECT_EQ(session_->MakeHello().store_id, hello.store_id);
}

TEST_F(SiteSessionTest, TaskIsAcceptedTrainedAndSubmitted) {
  Admit();
  session_->OnMessage(OfferOf(4));
  EXPECT_THAT(uplink_->Heard<wire::TaskAccepted>(), SizeIs(1));
  Work();
  ASSERT_THAT(uplink_->submitted, SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const auto parsed, wire::ParseUpdateHeader(uplink_->submitted[0]));
  EXPECT_EQ(parsed.header.key, (wire::TaskKey{notice_.job, StepNumber(4), SiteId("a")}));
  EXPECT_EQ(parsed.header.base_state, state_);
  EXPECT_EQ(parsed.header.weight, 100u);
  EXPECT_THAT(session_->MakeHello().held, SizeIs(1));
  EXPECT_THAT(uplink_->Heard<wire::TaskFailed>(), IsEmpty());
}

TEST_F(SiteSessionTest, OutcomeDeletesTheCopyAndIsAcknowledgedEvenWhenUnknown) {
  Admit();
  session_->OnMessage(OfferOf(4));
  Work();
  ASSERT_THAT(*storage_.List("site/updates"), SizeIs(1));
  session_->OnMessage(wire::Outcome{notice_.job, StepNumber(4), wire::OutcomeKind::kCounted, ""});
  session_->OnMessage(wire::Outcome{notice_.job, StepNumber(9), wire::OutcomeKind::kFailed, ""});
  Work();
  EXPECT_THAT(*storage_.List("site/updates"), IsEmpty());
  EXPECT_THAT(session_->MakeHello().held, IsEmpty());
  EXPECT_THAT(uplink_->Heard<wire::OutcomeAck>(), SizeIs(2));
}

TEST_F(SiteSessionTest, FinishedTaskIsNotTrainedAgainAfterACrash) {
  Admit();
  uplink_->submit_result = Error(ErrorCode::kConnectionLost, "gone");
  session_->OnMessage(OfferOf(4));
  Work();
  ASSERT_EQ(trained_, 1);
  for (const CrashKind kind : {CrashKind::kProcess, CrashKind::kPowerCut, CrashKind::kTorn}) {
    storage_.Crash(kind);
    Start();
    ASSERT_THAT(session_->MakeHello().held, SizeIs(1));
    ConnectAnew();
    session_->OnMessage(OfferOf(4));
    Work();
    EXPECT_EQ(trained_, 1);
    EXPECT_THAT(uplink_->submitted, SizeIs(1));
  }
}

TEST_F(SiteSessionTest, UpdateOfAnotherBaseStateIsMadeAgain) {
  Admit();
  session_->OnMessage(OfferOf(4));
  Work();
  const Bytes first = uplink_->submitted[0];
  state_ = [&] {
    wire::StatePart part;
    part.texts["mark"] = "state";
    const Bytes bytes = wire::EncodeStatePart(part);
    const wire::Manifest manifest{{crypto::Sha256Of(bytes), bytes.size()}, {Digest{}, 0}};
    uplink_->files[manifest.broadcast.digest] = bytes;
    uplink_->files[wire::DigestOf(manifest)] = wire::EncodeManifest(manifest);
    return wire::DigestOf(manifest);
  }();
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(trained_, 2);
  ASSERT_THAT(uplink_->submitted, SizeIs(2));
  EXPECT_NE(uplink_->submitted[1], first);
}

TEST_F(SiteSessionTest, AStateThatCameWithItsOfferIsNotFetched) {
  EXPECT_THAT(session_->MakeHello().capabilities, Contains(std::string(wire::kStateInOffer)));
  Admit();
  wire::TaskOffer offer = OfferOf(4);
  wire::InlineState content{uplink_->files.at(state_), {}};
  const wire::Manifest refs = wire::DecodeManifest(content.manifest).value();
  content.broadcast = uplink_->files.at(refs.broadcast.digest);
  offer.inline_state = std::make_shared<const wire::InlineState>(content);
  session_->OnMessage(offer);
  Work();
  EXPECT_EQ(trained_, 1);
  EXPECT_THAT(uplink_->fetches, IsEmpty());
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
}

TEST_F(SiteSessionTest, BytesInAnOfferThatAreNotItsStateAreNeverUsed) {
  Admit();
  const wire::InlineState other = [] {
    FakeUplink elsewhere;
    const Digest state = ServeState(elsewhere, "other");
    wire::InlineState content{elsewhere.files.at(state), {}};
    const wire::Manifest refs = wire::DecodeManifest(content.manifest).value();
    content.broadcast = elsewhere.files.at(refs.broadcast.digest);
    return content;
  }();
  wire::InlineState mixed{uplink_->files.at(state_), other.broadcast};
  uint64_t step = 4;
  for (const wire::InlineState& content : {other, mixed, wire::InlineState{}}) {
    wire::TaskOffer offer = OfferOf(step++);
    offer.inline_state = std::make_shared<const wire::InlineState>(content);
    session_->OnMessage(offer);
    Work();  // Train wants the mark of the offer's own state
  }
  EXPECT_EQ(trained_, 3);
  EXPECT_FALSE(uplink_->fetches.empty());
  EXPECT_THAT(uplink_->submitted, SizeIs(3));
}

TEST_F(SiteSessionTest, DamagedHeldUpdateIsMadeAgain) {
  Admit();
  uplink_->submit_result = Error(ErrorCode::kConnectionLost, "gone");
  session_->OnMessage(OfferOf(4));
  Work();
  const std::string name = (*storage_.List("site/updates"))[0];
  ASSERT_OK_AND_ASSIGN(Bytes bytes, ReadWhole(storage_, "site/updates/" + name, 1 << 20));
  bytes.back() ^= std::byte{1};
  storage_.Plant("site/updates/" + name, bytes);
  ConnectAnew();
  session_->OnMessage(OfferOf(4));
  Work();
  clock_.Advance(kMinute);
  Work();
  EXPECT_EQ(trained_, 2);
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
}

TEST_F(SiteSessionTest, RepeatedOfferDoesNotStartTwice) {
  Admit();
  bool repeated = false;
  during_train_ = [&] {
    if (!std::exchange(repeated, true)) session_->OnMessage(OfferOf(4));
  };
  session_->OnMessage(OfferOf(4));
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(trained_, 1);
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
  EXPECT_THAT(uplink_->Heard<wire::TaskAccepted>(), SizeIs(3));
}

TEST_F(SiteSessionTest, OfferRepeatedWhileTheSubmitFailsIsDeliveredOnce) {
  Admit();
  const auto older = uplink_;
  uplink_->submit_result = Error(ErrorCode::kConnectionLost, "gone");
  uplink_->on_submit = [&] {
    older->on_submit = nullptr;
    ConnectAnew();
    session_->OnMessage(OfferOf(4));
  };
  session_->OnMessage(OfferOf(4));
  Work();
  clock_.Advance(kMinute);
  Work();
  EXPECT_EQ(trained_, 1);
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
}

TEST_F(SiteSessionTest, TroubleThatDoesNotPassEndsByName) {
  Admit();
  uplink_->submit_result = Error(ErrorCode::kOverloaded, "later");
  session_->OnMessage(OfferOf(4));
  for (int i = 0; i < 20; ++i) {
    Work();
    clock_.Advance(kMinute);
  }
  EXPECT_EQ(trained_, 1);
  ASSERT_THAT(uplink_->Heard<wire::TaskFailed>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskFailed>()[0].code, "CN0608");
}

TEST_F(SiteSessionTest, AFullDiskOfTheServerIsWaitedOutUntilTheDeadline) {
  for (const ErrorCode code : {ErrorCode::kStorageFull, ErrorCode::kStorageIo}) {
    const uint64_t step = code == ErrorCode::kStorageFull ? 4 : 5;
    if (step == 4) Admit();
    uplink_->submit_result = Error(code, "the server's");
    wire::TaskOffer offer = OfferOf(step);
    offer.time_left = std::chrono::hours(1);
    session_->OnMessage(offer);
    for (int i = 0; i < 20; ++i) {
      Work();
      clock_.Advance(kMinute);
    }
    EXPECT_THAT(uplink_->Heard<wire::TaskFailed>(), IsEmpty());
    uplink_->submit_result = absl::OkStatus();
    Work();
    EXPECT_THAT(uplink_->submitted, SizeIs(step - 3));
  }
  EXPECT_EQ(trained_, 2);
}

TEST_F(SiteSessionTest, AServersDiskThatStaysFullEndsTheTaskByName) {
  Admit();
  uplink_->submit_result = Error(ErrorCode::kStorageFull, "the server's");
  session_->OnMessage(OfferOf(4));  // five minutes
  for (int i = 0; i < 20; ++i) {
    Work();
    clock_.Advance(kMinute);
  }
  ASSERT_THAT(uplink_->Heard<wire::TaskFailed>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskFailed>()[0].code, "CN0802");
}

TEST_F(SiteSessionTest, FetchGoesOnWhereItStopped) {
  Admit();
  uplink_->cut_fetch_after = 128;
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(trained_, 0);
  clock_.Advance(kMinute);
  Work();
  EXPECT_EQ(trained_, 1);
  ASSERT_THAT(uplink_->fetches, SizeIs(3));
  EXPECT_EQ(uplink_->fetches[2].second, 128u);
}

TEST_F(SiteSessionTest, StateIsFetchedOnce) {
  Admit();
  session_->OnMessage(OfferOf(4));
  session_->OnMessage(OfferOf(5, wire::Workload::kTrain, 2));
  Work();
  EXPECT_EQ(trained_, 2);
  EXPECT_THAT(uplink_->fetches, SizeIs(2));  // the manifest and the part
}

TEST_F(SiteSessionTest, StateWithAnotherDigestIsNotUsed) {
  Admit();
  for (auto& [digest, bytes] : uplink_->files) {
    if (bytes.size() > wire::kManifestBytes) bytes.back() ^= std::byte{1};
  }
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(trained_, 0);
  ASSERT_THAT(uplink_->Heard<wire::TaskFailed>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskFailed>()[0].code, "CN0902");
}

TEST_F(SiteSessionTest, CancelStopsTheTaskBetweenProgressCalls) {
  Admit();
  int calls = 0;
  during_train_ = [&] {
    if (++calls == 10) session_->OnMessage(wire::CancelTask{notice_.job, StepNumber(4), "closed"});
  };
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(calls, 10);
  EXPECT_THAT(uplink_->submitted, IsEmpty());
  EXPECT_THAT(uplink_->Heard<wire::TaskFailed>(), IsEmpty());
}

TEST_F(SiteSessionTest, ProgressIsSentAtMostEveryTwoPercent) {
  Admit();
  session_->OnMessage(OfferOf(4));
  Work();
  const auto progress = uplink_->Heard<wire::TaskProgress>();
  const auto trains = std::ranges::count(progress, "train", &wire::TaskProgress::phase);
  EXPECT_GE(trains, 40);
  EXPECT_LE(trains, 52);
}

TEST_F(SiteSessionTest, SlowTaskRenewsItsLeaseAndThoseOfTheTasksBehindIt) {
  Admit();
  during_train_ = [&] { clock_.Advance(std::chrono::milliseconds(50)); };
  session_->OnMessage(OfferOf(4));
  session_->OnMessage(OfferOf(5, wire::Workload::kTrain, 2));
  session_->RunOne();
  const auto progress = uplink_->Heard<wire::TaskProgress>();
  EXPECT_THAT(progress,
              Contains(::testing::AllOf(::testing::Field(&wire::TaskProgress::step, StepNumber(5)),
                                        ::testing::Field(&wire::TaskProgress::phase, "queued"))));
}

TEST_F(SiteSessionTest, FaultOfATaskIsToldByCode) {
  Admit();
  train_result_ = Error(ErrorCode::kTrainingDiverged, "w became NaN");
  session_->OnMessage(OfferOf(4));
  Work();
  ASSERT_THAT(uplink_->Heard<wire::TaskFailed>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskFailed>()[0].code, "CN0906");
  EXPECT_EQ(uplink_->Heard<wire::TaskFailed>()[0].message, "w became NaN");
}

TEST_F(SiteSessionTest, ValueThatIsNotFiniteNeverLeaves) {
  Admit();
  value_ = std::numeric_limits<double>::quiet_NaN();
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_THAT(uplink_->submitted, IsEmpty());
  ASSERT_THAT(uplink_->Heard<wire::TaskFailed>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskFailed>()[0].code, "CN0701");
  EXPECT_THAT(*storage_.List("site/updates"), IsEmpty());
}

TEST_F(SiteSessionTest, PolicyIsAskedForEveryTask) {
  Admit();
  policy::PolicyOptions options = OpenPolicy();
  options.workloads = {"means", "variances", "evaluate"};
  *policy_ = policy::Policy(options);
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_EQ(trained_, 0);
  ASSERT_THAT(uplink_->Heard<wire::TaskRefused>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskRefused>()[0].rule, "workloads");
  EXPECT_THAT(uplink_->Heard<wire::TaskAccepted>(), IsEmpty());
}

TEST_F(SiteSessionTest, SmallSupportIsRefusedBeforeAnythingIsWritten) {
  Admit();
  support_ = {3};
  session_->OnMessage(OfferOf(1, wire::Workload::kMeans, 0));
  Work();
  EXPECT_THAT(uplink_->Heard<wire::TaskRefused>(), SizeIs(1));
  EXPECT_THAT(uplink_->submitted, IsEmpty());
  EXPECT_THAT(*storage_.List("site/updates"), IsEmpty());
}

TEST_F(SiteSessionTest, TaskOutsideThePlanIsRefused) {
  Admit();
  session_->OnMessage(OfferOf(4, wire::Workload::kTrain, 4));
  session_->OnMessage(OfferOf(5, wire::Workload::kTrain, 0));
  session_->OnMessage(OfferOf(6, wire::Workload::kMeans, 1));
  Work();
  const auto refused = uplink_->Heard<wire::TaskRefused>();
  ASSERT_THAT(refused, SizeIs(3));
  for (const wire::TaskRefused& one : refused) EXPECT_EQ(one.rule, "plan");
}

TEST_F(SiteSessionTest, StatisticsAreReleasedOnceAndRepeatedFromDisk) {
  Admit();
  session_->OnMessage(OfferOf(1, wire::Workload::kMeans, 0));
  Work();
  session_->OnMessage(wire::Outcome{notice_.job, StepNumber(1), wire::OutcomeKind::kCounted, ""});
  Work();
  value_ = 77;  // whatever would be computed now
  session_->OnMessage(OfferOf(2, wire::Workload::kMeans, 0));
  Work();
  EXPECT_EQ(trained_, 1);
  ASSERT_THAT(uplink_->submitted, SizeIs(2));
  ASSERT_OK_AND_ASSIGN(const auto first, wire::ParseUpdateHeader(uplink_->submitted[0]));
  ASSERT_OK_AND_ASSIGN(const auto second, wire::ParseUpdateHeader(uplink_->submitted[1]));
  EXPECT_TRUE(std::ranges::equal(ByteSpan(uplink_->submitted[0]).subspan(first.header_bytes),
                                 ByteSpan(uplink_->submitted[1]).subspan(second.header_bytes)));
}

TEST_F(SiteSessionTest, EndedJobLeavesNothingBehind) {
  Admit();
  session_->OnMessage(OfferOf(4));
  Work();
  session_->OnMessage(wire::JobEnded{notice_.job, "cancelled"});
  Work();
  EXPECT_THAT(*storage_.List("site/updates"), IsEmpty());
  EXPECT_THAT(*storage_.List("site/jobs"), IsEmpty());
  EXPECT_THAT(session_->MakeHello().held, IsEmpty());
}

TEST_F(SiteSessionTest, QueuedTasksAreBounded) {
  Admit();
  for (uint64_t step = 1; step <= 300; ++step) session_->OnMessage(OfferOf(step));
  EXPECT_THAT(uplink_->Heard<wire::TaskAccepted>(), SizeIs(256));
  EXPECT_THAT(uplink_->Heard<wire::TaskRefused>(), SizeIs(44));
}

TEST_F(SiteSessionTest, NothingIsDoneAfterStop) {
  Admit();
  session_->OnMessage(OfferOf(4));
  session_->Stop();
  EXPECT_FALSE(session_->RunOne());
  session_->Run();
  EXPECT_EQ(trained_, 0);
}

}  // namespace
}  // namespace consilium::client::session
