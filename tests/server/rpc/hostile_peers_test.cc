// Peers that vanish, dawdle or take too much, over real sockets: each is bounded and named, and
// nobody else waits for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "common/base/retry_after.h"
#include "server/rpc/federation_service.h"
#include "tests/common/crypto/tls_dial.h"
#include "tests/server/rpc/upload_site.h"
#include "tests/support/tcp_relay.h"

namespace consilium::server::rpc {
namespace {

using std::chrono::milliseconds;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::TcpRelay;

// Until `holds`; false after a long while.
bool Await(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

// A server that soon asks a silent peer whether it is still there.
class VanishedPeerTest : public LiveServer {
 protected:
  VanishedPeerTest() {
    transport.keepalive = milliseconds(100);
    transport.keepalive_timeout = milliseconds(300);
  }
  void SetUp() override {
    LiveServer::SetUp();
    relay = std::make_unique<TcpRelay>(server->port());
    const std::string target = "localhost:" + std::to_string(relay->port());
    stub = v1::Federation::NewStub(consilium::rpc::MakeChannel(target, Files(Role::kSite, "north"),
                                                               federation.authority().federation(),
                                                               federation.clock())
                                       .value());
    attend = std::make_unique<HandAttend>(*stub);
    ASSERT_GT(attend->Begin(), Epoch(0));
  }
  void TearDown() override {
    attend.reset();
    stub.reset();
    relay.reset();
    LiveServer::TearDown();
  }
  bool connected() const { return coordinator->federation().Sites().at(0).connected; }

  std::unique_ptr<TcpRelay> relay;
  std::unique_ptr<v1::Federation::Stub> stub;
  std::unique_ptr<HandAttend> attend;
};

TEST_F(VanishedPeerTest, AHalfOpenConnectionIsNoticedHoweverLongItWasIdle) {
  // gRPC by itself would stop asking after two questions.
  const uint64_t before = relay->pieces_from_server();
  ASSERT_TRUE(Await([&] { return relay->pieces_from_server() >= before + 6; }));
  EXPECT_TRUE(connected());
  relay->HoldBackFromClient();
  relay->HoldBackFromServer();
  EXPECT_TRUE(Await([&] { return !connected(); }));
}

TEST_F(VanishedPeerTest, AServerThatCanSendAndNotReceiveNoticesIt) {
  relay->HoldBackFromClient();
  EXPECT_TRUE(Await([&] { return !connected(); }));
}

TEST_F(VanishedPeerTest, AServerThatCanReceiveAndNotSendNoticesIt) {
  relay->HoldBackFromServer();
  EXPECT_TRUE(Await([&] { return !connected(); }));
}

// A server with little patience for handshakes.
class SlowLorisTest : public LiveServer {
 protected:
  SlowLorisTest() { transport.handshake = milliseconds(500); }
  // Sends `bytes` one at a time for as long as the server takes them; true when it hung up.
  static bool Dribble(int fd, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) {
      // A TLS record of a client's hello that never gets whole.
      const char byte = i == 0 ? 0x16 : (i == 1 ? 3 : 1);
      if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) return true;
      pollfd polled = {fd, POLLIN, 0};
      if (poll(&polled, 1, 50) == 1) {
        char ignored;
        if (recv(fd, &ignored, 1, 0) <= 0) return true;
      }
    }
    return false;
  }
};

TEST_F(SlowLorisTest, ADribbledHandshakeIsCutOffAndHoldsUpNobody) {
  std::vector<int> loris;
  for (int i = 0; i < 50; ++i) {
    loris.push_back(testing::DialTcp(server->port()));
    ASSERT_GE(loris.back(), 0);
    const char first = 0x16;
    ASSERT_EQ(send(loris.back(), &first, 1, MSG_NOSIGNAL), 1);
  }
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  EXPECT_GT(attend.Begin(), Epoch(0)) << "a site is welcomed meanwhile";
  for (const int fd : loris) {
    EXPECT_TRUE(Dribble(fd, 600));
    close(fd);
  }
}

TEST_F(SlowLorisTest, SilenceAfterTheTlsHandshakeIsCutOffToo) {
  const pki::TlsFiles& files = Files(Role::kSite, "north");
  EXPECT_TRUE(testing::TlsThenSilence(server->port(), {files.cert, files.key, files.ca}));
}

class IdleTest : public LiveServer {
 protected:
  IdleTest() { transport.idle = milliseconds(200); }
};

TEST_F(IdleTest, AConnectionWithoutACallIsClosedAndOneWithAStandingStreamIsNot) {
  const auto standing = Federation(Role::kSite, "north");
  HandAttend attend(*standing);
  ASSERT_GT(attend.Begin(), Epoch(0));
  const auto channel = Dial(Role::kResearcher, "ada");
  const auto ada = v1::Control::NewStub(channel);
  Context context;
  v1::ListJobsReply reply;
  ASSERT_THAT(StatusOf(ada->ListJobs(&context, {}, &reply)), IsOk());
  EXPECT_TRUE(Await([&] { return channel->GetState(false) == GRPC_CHANNEL_IDLE; }));
  Context again;
  EXPECT_THAT(StatusOf(ada->ListJobs(&again, {}, &reply)), IsOk()) << "it dials anew";
  EXPECT_TRUE(coordinator->federation().Sites().at(0).connected);
}

class CapsTest : public UploadTest {
 protected:
  CapsTest() { hello_timeout = std::chrono::seconds(1); }
};

TEST_F(CapsTest, TheNinthOpenUploadOfASiteIsRefusedByNameAndToldWhenToComeBack) {
  std::vector<std::unique_ptr<HandSubmit>> open;
  const Bytes update = UpdateOf(0.5f);
  for (size_t i = 0; i < kMaxCallsOfOneSite; ++i) {
    open.push_back(std::make_unique<HandSubmit>(*stub));
    ASSERT_TRUE(open.back()->Begin(HeaderOf(update)));
    ASSERT_TRUE(open.back()->Hear()) << "it is open at the server";
  }
  HandSubmit ninth(*stub);
  ninth.Begin(HeaderOf(update));
  const absl::Status refused = StatusOf(ninth.End());
  EXPECT_THAT(refused, HasCode(ErrorCode::kOverloaded));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("north has 8 open uploads"));
  EXPECT_TRUE(RetryAfterOf(refused).has_value());
  const auto east = Federation(Role::kSite, "east");
  HandAttend other(*east);
  EXPECT_GT(other.Begin(), Epoch(0)) << "the caps of a site are its own";
}

TEST_F(CapsTest, StreamsWithoutAHelloAreFew) {
  std::vector<std::unique_ptr<HandAttend>> mute;
  for (size_t i = 0; i < kMaxCallsOfOneSite + 4; ++i) {
    mute.push_back(std::make_unique<HandAttend>(*stub));
  }
  size_t refused = 0;
  for (const auto& one : mute) {
    EXPECT_EQ(one->Hear(), std::nullopt);
    const absl::Status end = StatusOf(one->Finish());
    if (CodeOf(end) == ErrorCode::kOverloaded) {
      ++refused;
    } else {
      EXPECT_THAT(end, HasCode(ErrorCode::kProtocol)) << "no hello came";
    }
  }
  EXPECT_GE(refused, 1u);
}

TEST_F(CapsTest, MetadataAboveItsBoundIsRefusedByName) {
  const auto ada = Control(Role::kResearcher, "ada");
  Context context;
  context.AddMetadata("x-padding", std::string(consilium::rpc::kMaxMetadataBytes + 1, 'x'));
  v1::ListJobsReply reply;
  const absl::Status status = StatusOf(ada->ListJobs(&context, {}, &reply));
  EXPECT_THAT(status, HasCode(ErrorCode::kMessageTooLarge)) << FormatError(status);
}

}  // namespace
}  // namespace consilium::server::rpc
