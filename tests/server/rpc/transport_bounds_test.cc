// The bounds below the calls, over real sockets: streams of a connection, the transport's memory,
// what downloads hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "common/crypto/sha256.h"
#include "common/wire/state_file.h"
#include "tests/server/rpc/upload_site.h"

namespace consilium::server::rpc {
namespace {

using testing::HasCode;
using testing::IsOk;

class BoundsTest : public LiveServer {
 protected:
  static constexpr size_t kPartBytes = 8'000'000;
  void SetUp() override {
    LiveServer::SetUp();
    wire::State state;
    for (int i = 0; i < 10; ++i) {
      state.broadcast.texts["padding" + std::to_string(i)] = std::string(kPartBytes / 10, 'x');
    }
    const Digest manifest = coordinator->states().Put(state).value();
    part = coordinator->states().GetManifest(manifest).value().broadcast.digest;
  }
  // The digest of what came; zero when the call failed. `during` is called after each chunk.
  Digest Fetch(v1::Federation::Stub& stub, Epoch epoch, const std::function<void()>& during) {
    Context context;
    const auto stream = stub.Fetch(&context, wire::ToProto(wire::FetchRequest{epoch, part, 0}));
    std::string bytes;
    for (v1::Chunk chunk; stream->Read(&chunk);) {
      bytes += chunk.payload();
      during();
    }
    const absl::Status status = StatusOf(stream->Finish());
    EXPECT_THAT(status, IsOk());
    return status.ok() ? crypto::Sha256Of(AsBytes(bytes)) : Digest{};
  }
  Digest part;
};

class FewStreamsTest : public BoundsTest {
 protected:
  FewStreamsTest() { transport.max_streams = 3; }
};

TEST_F(FewStreamsTest, ACallAboveTheStreamsOfItsConnectionWaitsUntilOneEnds) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend standing(*stub);
  const Epoch epoch = standing.Begin();
  ASSERT_GT(epoch, Epoch(0));
  auto second = std::make_unique<HandAttend>(*stub);
  HandAttend third(*stub);
  std::atomic<bool> done = false;
  Digest fetched;
  std::thread fourth([&] {
    fetched = Fetch(*stub, epoch, [] {});
    done = true;
  });
  const auto east = Federation(Role::kSite, "east");
  HandAttend other(*east);
  EXPECT_GT(other.Begin(), Epoch(0)) << "another connection has streams of its own";
  EXPECT_FALSE(done);
  second.reset();
  fourth.join();
  EXPECT_EQ(fetched, part);
}

class SmallDownloadsTest : public BoundsTest {
 protected:
  SmallDownloadsTest() { download_bytes = uint64_t{1} << 20; }
};

TEST_F(SmallDownloadsTest, SitesThatDoNotReadHoldLittleAndHoldUpNobody) {
  struct Stalled {
    std::unique_ptr<Context> context = std::make_unique<Context>();
    std::unique_ptr<::grpc::ClientReader<v1::Chunk>> stream;
  };
  std::vector<Stalled> stalled;
  std::vector<std::unique_ptr<v1::Federation::Stub>> stubs;
  std::vector<std::unique_ptr<HandAttend>> attends;
  for (const char* site : {"north", "east"}) {
    stubs.push_back(Federation(Role::kSite, site));
    attends.push_back(std::make_unique<HandAttend>(*stubs.back()));
    const Epoch epoch = attends.back()->Begin();
    for (int i = 0; i < 8; ++i) {
      Stalled& one = stalled.emplace_back();
      one.stream =
          stubs.back()->Fetch(one.context.get(), wire::ToProto(wire::FetchRequest{epoch, part, 0}));
      one.stream->WaitForInitialMetadata();  // it is open at the server
    }
  }
  const auto south = Federation(Role::kSite, "south");
  HandAttend attend(*south);
  const Epoch epoch = attend.Begin();
  uint64_t most = 0;
  EXPECT_EQ(Fetch(*south, epoch, [&] { most = std::max(most, server->download_bytes()); }), part);
  EXPECT_GT(most, 0u);
  EXPECT_LE(most, download_bytes);
  for (Stalled& one : stalled) one.context->TryCancel();
  stalled.clear();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (server->download_bytes() > 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_EQ(server->download_bytes(), 0u) << "what they held came back";
}

// The quota is the transport's own, all connections together: what it has no room for is cut.
class TransportMemoryTest : public UploadTest {
 protected:
  explicit TransportMemoryTest(size_t bytes) { transport.transport_bytes = bytes; }
  // Sends all of it as far as it is allowed to; how it ended.
  absl::Status Upload(const Bytes& update) {
    HandSubmit submit(*stub);
    submit.Begin(HeaderOf(update));
    uint64_t sent = 0;
    for (auto reply = submit.Hear(); reply && !reply->has_receipt(); reply = submit.Hear()) {
      sent = std::max(sent, reply->written());  // a try before this one may have left some
      while (sent < reply->send_until()) {
        const uint64_t piece = std::min<uint64_t>(reply->send_until() - sent, uint64_t{1} << 20);
        if (!submit.Send(sent, ByteSpan(update).subspan(sent, piece))) break;
        sent += piece;
      }
    }
    return StatusOf(submit.End());
  }
};

class LittleTransportMemoryTest : public TransportMemoryTest {
 protected:
  LittleTransportMemoryTest() : TransportMemoryTest(size_t{256} * 1024) {}
};
class EnoughTransportMemoryTest : public TransportMemoryTest {
 protected:
  EnoughTransportMemoryTest() : TransportMemoryTest(size_t{16} * 1024 * 1024) {}
};

// It may cut the standing stream as well: the site attends anew each time, as a client does. A
// connection on which nothing is under way is told to go (kConnectionLost): its peer dials again.
TEST_F(LittleTransportMemoryTest, WhatItHasNoRoomForIsCutByNameAndTheServerGoesOn) {
  const Bytes update = UpdateOf(0.5f);
  int cut = 0;
  for (int i = 0; i < 20; ++i) {
    attend = std::make_unique<HandAttend>(*stub);
    epoch = attend->Begin();
    const absl::Status ended = epoch == Epoch(0) ? StatusOf(attend->Finish()) : Upload(update);
    if (ended.ok()) continue;
    ++cut;
    EXPECT_THAT(ended,
                ::testing::AnyOf(HasCode(ErrorCode::kOverloaded), HasCode(ErrorCode::kFenced),
                                 HasCode(ErrorCode::kConnectionLost)))
        << FormatError(ended);
  }
  EXPECT_GT(cut, 0) << "the quota is in force";
}

TEST_F(EnoughTransportMemoryTest, AnUploadGoesThrough) {
  EXPECT_THAT(Upload(UpdateOf(0.5f)), IsOk());
}

}  // namespace
}  // namespace consilium::server::rpc
