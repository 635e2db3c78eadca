// The uplink against a real server over mTLS.
#include "client/rpc/grpc_uplink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/base/memory_storage.h"
#include "tests/server/rpc/upload_site.h"

namespace consilium::client::rpc {
namespace {

using server::rpc::HandSubmit;
using server::rpc::Role;
using testing::HasCode;
using testing::IsOk;

class GrpcUplinkTest : public server::rpc::UploadTest {
 protected:
  void SetUp() override {
    UploadTest::SetUp();
    uplink = std::make_shared<GrpcUplink>(
        GrpcUplink::Peer{Dial(Role::kSite, "north"), "the server", SiteId("north")},
        federation.clock(), sent);
    uplink->Open({epoch, "test", "heart", {}});
  }
  // The update as a file to send.
  std::unique_ptr<FileReader> FileOf(const Bytes& update) {
    EXPECT_THAT(WriteDurably(disk, "/update", update), IsOk());
    return disk.OpenRead("/update").value();
  }
  absl::StatusOr<wire::Receipt> Submit(const Bytes& update) {
    written.clear();
    return uplink->Submit(HeaderOf(update), *FileOf(update),
                          [&](uint64_t offset) { written.push_back(offset); });
  }

  MemoryStorage disk;
  metrics::Counter sent;
  std::shared_ptr<GrpcUplink> uplink;
  std::vector<uint64_t> written;
};

TEST_F(GrpcUplinkTest, AnUpdateIsSentAndItsReceiptNamesIt) {
  const Bytes update = UpdateOf(0.5f);
  ASSERT_OK_AND_ASSIGN(const wire::Receipt receipt, Submit(update));
  EXPECT_EQ(receipt.key, key);
  EXPECT_EQ(receipt.digest, crypto::Sha256Of(update));
  EXPECT_TRUE(std::is_sorted(written.begin(), written.end()));
  EXPECT_EQ(written.back(), update.size());
  EXPECT_EQ(sent.value(), update.size());
}

TEST_F(GrpcUplinkTest, WhatWasAcceptedIsNotSentTwice) {
  const Bytes update = UpdateOf(0.5f);
  ASSERT_OK_AND_ASSIGN(const wire::Receipt first, Submit(update));
  ASSERT_OK_AND_ASSIGN(const wire::Receipt second, Submit(update));
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(sent.value(), update.size());
  EXPECT_THAT(Submit(UpdateOf(0.25f)), HasCode(ErrorCode::kUpdateConflict));
}

TEST_F(GrpcUplinkTest, AnInterruptedUploadGoesOnAtTheLastDurableByte) {
  const Bytes update = UpdateOf(0.5f);
  constexpr uint64_t kBefore = 200'000;  // within the first window
  {
    HandSubmit call(*stub);
    call.Begin(HeaderOf(update));
    ASSERT_TRUE(call.HearUntil([](const auto& reply) { return reply.send_until() >= kBefore; }));
    call.Send(0, ByteSpan(update).first(kBefore));
    ASSERT_TRUE(call.HearUntil([](const auto& reply) { return reply.written() == kBefore; }));
  }  // cut
  ASSERT_THAT(Submit(update), IsOk());
  EXPECT_EQ(written.front(), kBefore);
  EXPECT_EQ(sent.value(), update.size() - kBefore);
}

TEST_F(GrpcUplinkTest, ARefusalKeepsItsCode) {
  EXPECT_THAT(Submit(UpdateOf(1e30f)), HasCode(ErrorCode::kUpdateOutOfBound));
}

TEST_F(GrpcUplinkTest, FetchedBytesComeInOrderFromTheOffset) {
  wire::State state;
  state.broadcast.texts["padding"] = std::string(900'000, 'x');
  const Digest manifest = coordinator->states().Put(state).value();
  const wire::PartRef part = coordinator->states().GetManifest(manifest).value().broadcast;
  Bytes whole;
  ASSERT_THAT(uplink->Fetch(part.digest, 0,
                            [&](ByteSpan bytes) {
                              EXPECT_LE(bytes.size(), wire::kMaxChunkBytes);
                              whole.insert(whole.end(), bytes.begin(), bytes.end());
                              return absl::OkStatus();
                            }),
              IsOk());
  EXPECT_EQ(crypto::Sha256Of(whole), part.digest);
  Bytes rest;
  ASSERT_THAT(uplink->Fetch(part.digest, 700'000,
                            [&](ByteSpan bytes) {
                              rest.insert(rest.end(), bytes.begin(), bytes.end());
                              return absl::OkStatus();
                            }),
              IsOk());
  EXPECT_TRUE(std::equal(rest.begin(), rest.end(), whole.begin() + 700'000, whole.end()));
}

TEST_F(GrpcUplinkTest, TheSinksStatusEndsAFetch) {
  wire::State state;
  state.broadcast.texts["padding"] = std::string(900'000, 'x');
  const Digest manifest = coordinator->states().Put(state).value();
  const auto full = [](ByteSpan) { return Error(ErrorCode::kStorageFull, "no room"); };
  EXPECT_THAT(uplink->Fetch(manifest, 0, full), HasCode(ErrorCode::kStorageFull));
}

TEST_F(GrpcUplinkTest, AfterCloseNothingGoesOut) {
  uplink->Close();
  EXPECT_THAT(Submit(UpdateOf(0.5f)), HasCode(ErrorCode::kConnectionLost));
  EXPECT_THAT(uplink->Fetch(Digest{}, 0, [](ByteSpan) { return absl::OkStatus(); }),
              HasCode(ErrorCode::kConnectionLost));
  uplink->Send(wire::OutcomeAck{key.job, key.step});
  EXPECT_EQ(uplink->NextMessage(federation.clock().Now()), std::nullopt);
}

TEST_F(GrpcUplinkTest, CloseCutsACallUnderWay) {
  const Bytes update = UpdateOf(0.5f);
  const auto file = FileOf(update);
  const auto ended = uplink->Submit(HeaderOf(update), *file, [&](uint64_t offset) {
    if (offset > 0) uplink->Close();
  });
  EXPECT_THAT(ended, HasCode(ErrorCode::kConnectionLost));
}

TEST_F(GrpcUplinkTest, MessagesThatNobodyTakesCloseItInsteadOfPilingUp) {
  for (size_t i = 0; i <= kMaxOutgoingMessages; ++i) {
    uplink->Send(wire::OutcomeAck{key.job, key.step});
  }
  EXPECT_TRUE(uplink->closed());
}

// Small updates: what the server hears is what the real Attend stream carries.
class StreamedUpdateTest : public GrpcUplinkTest {
 protected:
  void SetUp() override {
    elements = 1000;
    GrpcUplinkTest::SetUp();
    uplink->Open({epoch, "test", "heart", {std::string(wire::kUpdateInStream)}});
  }
  // Writes what the uplink wants sent and hands it every answer, until `calls` were carried.
  void Carry(int calls) {
    for (int i = 0; i < calls; ++i) {
      const auto frame = uplink->NextMessage(federation.clock().Now() + server::rpc::kPatience);
      ASSERT_TRUE(frame.has_value());
      ASSERT_TRUE(attend->Say(*frame));
      const auto heard = attend->Hear();
      ASSERT_TRUE(heard.has_value());
      ASSERT_OK_AND_ASSIGN(const wire::FromServer said, wire::FromProto(*heard));
      ASSERT_TRUE(std::holds_alternative<wire::UpdateReply>(said));
      uplink->OnReply(std::get<wire::UpdateReply>(said));
    }
  }
};

TEST_F(StreamedUpdateTest, ASmallUpdateNeedsNoCallAndItsReceiptNamesIt) {
  const Bytes update = UpdateOf(0.5f);
  ASSERT_LE(update.size(), wire::kMaxStreamedUpdateBytes);
  std::thread carrier([this] { Carry(1); });
  const auto receipt = Submit(update);
  carrier.join();
  ASSERT_THAT(receipt, IsOk());
  EXPECT_EQ(receipt->key, key);
  EXPECT_EQ(receipt->digest, crypto::Sha256Of(update));
  EXPECT_EQ(sent.value(), update.size());
  const auto accepted = coordinator->updates().Accepted(key.job, key.step);
  ASSERT_EQ(accepted.size(), 1u);
  EXPECT_EQ(accepted[0].digest, crypto::Sha256Of(update));
}

TEST_F(StreamedUpdateTest, ARefusalKeepsItsCodeByTheCallThatFollows) {
  std::thread carrier([this] { Carry(2); });
  EXPECT_THAT(Submit(UpdateOf(1e30f)), HasCode(ErrorCode::kUpdateOutOfBound));
  EXPECT_THAT(Submit(UpdateOf(0.5f)), IsOk());
  carrier.join();
}

TEST_F(StreamedUpdateTest, AnOlderServerIsAskedByACall) {
  uplink->Open({epoch, "old", "heart", {}});
  EXPECT_THAT(Submit(UpdateOf(0.5f)), IsOk());
  EXPECT_EQ(uplink->NextMessage(federation.clock().Now()), std::nullopt);
}

TEST_F(StreamedUpdateTest, CloseEndsTheWaitForAnAnswer) {
  std::thread closer([this] {
    EXPECT_TRUE(uplink->NextMessage(federation.clock().Now() + server::rpc::kPatience));
    uplink->Close();
  });
  EXPECT_THAT(Submit(UpdateOf(0.5f)), HasCode(ErrorCode::kConnectionLost));
  closer.join();
}

TEST_F(StreamedUpdateTest, AnAnswerToAnotherUpdateIsNotTaken) {
  std::thread carrier([this] {
    wire::UpdateReply other{key.job, key.step, Digest(), true, "", {}};
    uplink->OnReply(other);
    Carry(1);
  });
  EXPECT_THAT(Submit(UpdateOf(1e30f)), HasCode(ErrorCode::kUpdateOutOfBound));
  carrier.join();
}

}  // namespace
}  // namespace consilium::client::rpc
