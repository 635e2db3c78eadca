// Submit over real mTLS, by hand: the order of an upload and what breaks it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "server/rpc/upload_stream.h"
#include "tests/server/rpc/upload_site.h"

namespace consilium::server::rpc {
namespace {

using testing::HasCode;
using testing::IsOk;

class SubmitTest : public UploadTest {
 protected:
  // Sends everything as it is allowed.
  absl::Status SendWhole(const Bytes& update, HandSubmit& call) {
    uint64_t sent = 0;
    while (const auto reply = call.Hear()) {
      EXPECT_LE(reply->send_until() - reply->written(), kUploadWindowBytes);
      while (sent < reply->send_until()) {
        const uint64_t piece = std::min<uint64_t>(1 << 20, reply->send_until() - sent);
        call.Send(sent, ByteSpan(update).subspan(sent, piece));
        sent += piece;
      }
    }
    return StatusOf(call.End());
  }
};

TEST_F(SubmitTest, AnUploadIsAcceptedWithAReceipt) {
  const Bytes update = UpdateOf(0.5f);
  HandSubmit call(*stub);
  call.Begin(HeaderOf(update));
  EXPECT_THAT(SendWhole(update, call), IsOk());
  const auto accepted = coordinator->updates().Accepted(key.job, key.step);
  ASSERT_EQ(accepted.size(), 1u);
  EXPECT_EQ(accepted[0].key, key);
  EXPECT_EQ(accepted[0].digest, crypto::Sha256Of(update));
  EXPECT_EQ(server->update_bytes(), update.size());
}

TEST_F(SubmitTest, ValuesThatAreNotFiniteAreRefusedByName) {
  const Bytes update = UpdateOf(std::numeric_limits<float>::quiet_NaN());
  HandSubmit call(*stub);
  call.Begin(HeaderOf(update));
  EXPECT_THAT(SendWhole(update, call), HasCode(ErrorCode::kUpdateNotFinite));
  EXPECT_TRUE(coordinator->updates().Accepted(key.job, key.step).empty());
}

TEST_F(SubmitTest, BytesThatHaveAnotherDigestAreRefused) {
  Bytes update = UpdateOf(0.5f);
  const wire::UploadHeader header = HeaderOf(update);
  update[update.size() / 2] ^= std::byte{1};
  HandSubmit call(*stub);
  call.Begin(header);
  EXPECT_THAT(SendWhole(update, call), HasCode(ErrorCode::kUpdateDigest));
}

TEST_F(SubmitTest, AWrongEpochIsFenced) {
  const Bytes update = UpdateOf(0.5f);
  wire::UploadHeader header = HeaderOf(update);
  header.epoch = Epoch(epoch.value() + 1);
  HandSubmit call(*stub);
  call.Begin(header);
  EXPECT_THAT(StatusOf(call.End()), HasCode(ErrorCode::kFenced));
}

TEST_F(SubmitTest, ANewerAttendFencesAnUploadUnderWay) {
  const Bytes update = UpdateOf(0.5f);
  HandSubmit call(*stub);
  call.Begin(HeaderOf(update));
  ASSERT_TRUE(call.HearUntil([](const auto& reply) { return reply.send_until() > 0; }));
  HandAttend newer(*stub);
  ASSERT_GT(newer.Begin(), epoch);
  call.Send(0, ByteSpan(update).first(1000));
  EXPECT_THAT(StatusOf(call.End()), HasCode(ErrorCode::kFenced));
}

TEST_F(SubmitTest, AChunkInTheWrongPlaceBreaksTheProtocol) {
  const Bytes update = UpdateOf(0.5f);
  HandSubmit call(*stub);
  call.Begin(HeaderOf(update));
  ASSERT_TRUE(call.HearUntil([](const auto& reply) { return reply.send_until() > 0; }));
  call.Send(1000, ByteSpan(update).subspan(1000, 1000));
  EXPECT_THAT(StatusOf(call.End()), HasCode(ErrorCode::kProtocol));
}

TEST_F(SubmitTest, APayloadBeforeItWasAllowedBreaksTheProtocol) {
  const Bytes update = UpdateOf(0.5f);
  HandSubmit call(*stub);
  call.Send(0, ByteSpan(update).first(1000));  // without a name
  EXPECT_THAT(StatusOf(call.End()), HasCode(ErrorCode::kProtocol));
}

TEST_F(SubmitTest, AChunkAboveAMebibyteIsTooLarge) {
  const Bytes update = UpdateOf(0.5f);
  HandSubmit call(*stub);
  call.Begin(HeaderOf(update));
  ASSERT_TRUE(call.HearUntil([](const auto& reply) { return reply.send_until() > 0; }));
  call.Send(0, ByteSpan(update).first(wire::kMaxChunkBytes + 1));
  EXPECT_THAT(StatusOf(call.End()), HasCode(ErrorCode::kMessageTooLarge));
}

TEST_F(SubmitTest, AStepThatIsNotOpenTakesNothing) {
  const Bytes update = UpdateOf(0.5f);
  wire::UploadHeader header = HeaderOf(update);
  header.key.step = StepNumber(2);
  HandSubmit call(*stub);
  call.Begin(header);
  EXPECT_THAT(StatusOf(call.End()), HasCode(ErrorCode::kUpdateUnknownTask));
}

TEST_F(SubmitTest, TheSiteIsTheCertificatesWhateverTheUpdateSays) {
  // East sends an update whose header says north: it is checked as east's, and refused.
  const auto east = Federation(Role::kSite, "east");
  HandAttend attend_east(*east);
  const Bytes update = UpdateOf(0.5f, SiteId("north"));
  wire::UploadHeader header = HeaderOf(update);
  header.epoch = attend_east.Begin();
  HandSubmit call(*east);
  call.Begin(header);
  EXPECT_FALSE(SendWhole(update, call).ok());
  EXPECT_TRUE(coordinator->updates().Accepted(key.job, key.step).empty());
}

// A budget so small that two uploads take turns.
// Small updates in the standing stream.
class StreamedSubmitTest : public SubmitTest {
 protected:
  void SetUp() override {
    elements = 1000;
    SubmitTest::SetUp();
  }
  static v1::SiteFrame FrameOf(const wire::TaskKey& key, const Bytes& update) {
    return wire::ToProto(wire::StreamedUpdate{key.job, key.step, crypto::Sha256Of(update), update});
  }
  // Whether it was taken; nullopt: the stream ended.
  std::optional<bool> SendInStream(HandAttend& stream, const v1::SiteFrame& update) {
    stream.Say(update);
    const auto frame = stream.Hear();
    if (!frame || !frame->has_update_reply()) return std::nullopt;
    return frame->update_reply().has_receipt();
  }
};

TEST_F(StreamedSubmitTest, AnUpdateIsAcceptedOnceHoweverOftenItComes) {
  const Bytes update = UpdateOf(0.5f);
  EXPECT_EQ(SendInStream(*attend, FrameOf(key, update)), true);
  EXPECT_EQ(SendInStream(*attend, FrameOf(key, update)), true);
  EXPECT_EQ(SendInStream(*attend, FrameOf(key, UpdateOf(0.25f))), false);
  const auto accepted = coordinator->updates().Accepted(key.job, key.step);
  ASSERT_EQ(accepted.size(), 1u);
  EXPECT_EQ(accepted[0].digest, crypto::Sha256Of(update));
}

TEST_F(StreamedSubmitTest, WhatFailsACheckIsNotTaken) {
  EXPECT_EQ(SendInStream(*attend, FrameOf(key, UpdateOf(NAN))), false);
  v1::SiteFrame damaged = FrameOf(key, UpdateOf(0.5f));
  damaged.mutable_update()->mutable_file()->back() ^= 1;
  EXPECT_EQ(SendInStream(*attend, damaged), false);
  EXPECT_EQ(SendInStream(*attend, FrameOf(key, UpdateOf(0.5f, SiteId("east")))), false);
  EXPECT_EQ(SendInStream(*attend, FrameOf({key.job, StepNumber(9), key.site}, UpdateOf(0.5f))),
            false);
  EXPECT_TRUE(coordinator->updates().Accepted(key.job, key.step).empty());
}

TEST_F(StreamedSubmitTest, AFencedStreamsUpdateIsNotTaken) {
  HandAttend newer(*stub);
  ASSERT_GT(newer.Begin(), epoch);
  EXPECT_EQ(SendInStream(*attend, FrameOf(key, UpdateOf(0.5f))), std::nullopt);
  EXPECT_TRUE(coordinator->updates().Accepted(key.job, key.step).empty());
  EXPECT_EQ(SendInStream(newer, FrameOf(key, UpdateOf(0.5f))), true);
}

TEST_F(StreamedSubmitTest, AServerSaysThatItTakesThem) {
  HandAttend newer(*stub);
  newer.SayHello();
  const auto welcome = newer.Hear();
  ASSERT_TRUE(welcome.has_value());
  ASSERT_EQ(welcome->welcome().capabilities_size(), 1);
  EXPECT_EQ(welcome->welcome().capabilities(0), wire::kUpdateInStream);
}

class NarrowSubmitTest : public SubmitTest {
 protected:
  NarrowSubmitTest() { upload_bytes = UploadBudget::kLeastGrant; }
};

TEST_F(NarrowSubmitTest, UploadsShareOneBudgetAndAllArrive) {
  const auto east = Federation(Role::kSite, "east");
  HandAttend attend_east(*east);
  const Bytes ours = UpdateOf(0.5f);
  const Bytes theirs = UpdateOf(0.25f, SiteId("east"));
  wire::UploadHeader header = HeaderOf(theirs);
  header.epoch = attend_east.Begin();
  HandSubmit first(*stub);
  HandSubmit second(*east);
  first.Begin(HeaderOf(ours));
  second.Begin(header);
  absl::Status ended;
  std::thread other([&] { ended = SendWhole(theirs, second); });
  EXPECT_THAT(SendWhole(ours, first), IsOk());
  other.join();
  EXPECT_THAT(ended, IsOk());
  EXPECT_EQ(coordinator->updates().Accepted(key.job, key.step).size(), 2u);
}

TEST_F(NarrowSubmitTest, AnUploadThatEndsGivesItsShareBack) {
  const Bytes update = UpdateOf(0.5f);
  {
    HandSubmit holder(*stub);
    holder.Begin(HeaderOf(update));
    ASSERT_TRUE(holder.HearUntil([](const auto& reply) { return reply.send_until() > 0; }));
  }  // cut while it holds the whole budget
  HandSubmit call(*stub);
  call.Begin(HeaderOf(update));
  EXPECT_THAT(SendWhole(update, call), IsOk());
}

}  // namespace
}  // namespace consilium::server::rpc
