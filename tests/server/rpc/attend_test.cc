// Attend and Fetch over real mTLS: hello first, one live stream per site, nothing for the fenced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/sha256.h"
#include "common/wire/state_file.h"
#include "tests/server/rpc/live_server.h"

namespace consilium::server::rpc {
namespace {

using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;

class AttendTest : public LiveServer {
 protected:
  // A state whose broadcast part is longer than one piece; its part's digest.
  Digest PutState() {
    wire::State state;
    state.broadcast.texts["padding"] = std::string(900'000, 'x');
    const Digest manifest = coordinator->states().Put(state).value();
    return coordinator->states().GetManifest(manifest).value().broadcast.digest;
  }
  struct Fetched {
    std::string bytes;
    absl::Status status;
  };
  Fetched Fetch(v1::Federation::Stub& stub, Epoch epoch, const Digest& digest, uint64_t offset) {
    Context context;
    const auto stream =
        stub.Fetch(&context, wire::ToProto(wire::FetchRequest{epoch, digest, offset}));
    Fetched fetched;
    for (v1::Chunk chunk; stream->Read(&chunk);) fetched.bytes += chunk.payload();
    fetched.status = StatusOf(stream->Finish());
    return fetched;
  }
};

TEST_F(AttendTest, AHelloIsWelcomedWithAnEpochAndTheSiteIsSeen) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  EXPECT_GT(attend.Begin(), Epoch(0));
  const auto sites = coordinator->federation().Sites();
  ASSERT_EQ(sites.size(), 1u);
  EXPECT_EQ(sites[0].site, SiteId("north"));  // from the certificate: hello has no such field
  EXPECT_TRUE(sites[0].connected);
}

TEST_F(AttendTest, AResearcherIsNoSite) {
  const auto stub = Federation(Role::kResearcher, "ada");
  HandAttend attend(*stub);
  attend.SayHello();
  EXPECT_EQ(attend.Hear(), std::nullopt);
  EXPECT_THAT(StatusOf(attend.Finish()), HasCode(ErrorCode::kNotAllowed));
  EXPECT_TRUE(coordinator->federation().Sites().empty());
}

TEST_F(AttendTest, TheFirstMessageMustBeAHello) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  attend.Say(wire::ToProto(
      wire::SiteMessage(wire::TaskAccepted{JobId("0123456789abcdef"), StepNumber(1)})));
  EXPECT_EQ(attend.Hear(), std::nullopt);
  EXPECT_THAT(StatusOf(attend.Finish()), HasCode(ErrorCode::kProtocol));
}

TEST_F(AttendTest, ASecondHelloEndsTheStream) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  ASSERT_GT(attend.Begin(), Epoch(0));
  attend.SayHello();
  EXPECT_EQ(attend.Hear(), std::nullopt);
  EXPECT_THAT(StatusOf(attend.Finish()), HasCode(ErrorCode::kProtocol));
}

TEST_F(AttendTest, AFrameOfAKindFromTheFutureIsIgnored) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  ASSERT_GT(attend.Begin(), Epoch(0));
  v1::SiteFrame unknown;
  unknown.GetReflection()->MutableUnknownFields(&unknown)->AddLengthDelimited(77, "news");
  EXPECT_TRUE(attend.Say(unknown));
  attend.Leave();
  EXPECT_EQ(attend.Hear(), std::nullopt);
  EXPECT_THAT(StatusOf(attend.Finish()), IsOk());
}

TEST_F(AttendTest, AnotherProtocolVersionIsRefusedByName) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  wire::Hello hello;
  hello.protocol = wire::kProtocolVersion + 1;
  hello.version = "99.0";
  hello.store_id = "0123456789abcdef0123456789abcdef";
  attend.Say(wire::ToProto(hello));
  EXPECT_EQ(attend.Hear(), std::nullopt);
  EXPECT_THAT(StatusOf(attend.Finish()), HasCode(ErrorCode::kVersion));
}

TEST_F(AttendTest, ANewerStreamFencesTheOlder) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend older(*stub);
  const Epoch first = older.Begin();
  HandAttend newer(*stub);
  const Epoch second = newer.Begin();
  EXPECT_GT(second, first);
  EXPECT_EQ(older.Hear(), std::nullopt);
  EXPECT_THAT(StatusOf(older.Finish()), HasCode(ErrorCode::kFenced));
  const Digest part = PutState();
  EXPECT_THAT(Fetch(*stub, first, part, 0).status, HasCode(ErrorCode::kFenced));
  EXPECT_THAT(Fetch(*stub, second, part, 0).status, IsOk());
}

TEST_F(AttendTest, AnEpochNobodyGaveIsFenced) {
  const auto stub = Federation(Role::kSite, "north");
  const Digest part = PutState();
  EXPECT_THAT(Fetch(*stub, Epoch(99), part, 0).status, HasCode(ErrorCode::kFenced));
}

TEST_F(AttendTest, FetchGoesOnFromAnyOffset) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  const Epoch epoch = attend.Begin();
  const Digest part = PutState();
  const Fetched whole = Fetch(*stub, epoch, part, 0);
  ASSERT_THAT(whole.status, IsOk());
  EXPECT_EQ(crypto::Sha256Of(AsBytes(whole.bytes)), part);
  const Fetched rest = Fetch(*stub, epoch, part, 600'001);
  ASSERT_THAT(rest.status, IsOk());
  EXPECT_EQ(rest.bytes, whole.bytes.substr(600'001));
  const Fetched nothing = Fetch(*stub, epoch, part, whole.bytes.size());
  EXPECT_THAT(nothing.status, IsOk());
  EXPECT_EQ(nothing.bytes, "");
  EXPECT_THAT(Fetch(*stub, epoch, part, whole.bytes.size() + 1).status,
              HasCode(ErrorCode::kProtocol));
}

TEST_F(AttendTest, APrivatePartIsForNobody) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  const Epoch epoch = attend.Begin();
  wire::State state;
  state.private_part.texts["moments"] = "secret";
  const Digest manifest = coordinator->states().Put(state).value();
  const Digest hidden = coordinator->states().GetManifest(manifest).value().private_part.digest;
  EXPECT_THAT(Fetch(*stub, epoch, hidden, 0).status, HasCode(ErrorCode::kNotAllowed));
}

class HastyAttendTest : public AttendTest {
 protected:
  HastyAttendTest() { hello_timeout = std::chrono::milliseconds(20); }
};

TEST_F(HastyAttendTest, WithoutAHelloTheStreamEnds) {
  const auto stub = Federation(Role::kSite, "north");
  HandAttend attend(*stub);
  EXPECT_EQ(attend.Hear(), std::nullopt);
  const absl::Status status = StatusOf(attend.Finish());
  EXPECT_THAT(status, HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(std::string(status.message()), HasSubstr("hello"));
}

}  // namespace
}  // namespace consilium::server::rpc
