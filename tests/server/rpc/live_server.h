// A server on a free port of this machine with real certificates, and channels of any role to it.
#ifndef CONSILIUM_TESTS_SERVER_RPC_LIVE_SERVER_H_
#define CONSILIUM_TESTS_SERVER_RPC_LIVE_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/storage.h"
#include "common/rpc/channel.h"
#include "common/rpc/process.h"
#include "common/rpc/status_conversion.h"
#include "common/wire/envelope.h"
#include "common/wire/messages_proto.h"
#include "consilium/v1/control.grpc.pb.h"
#include "consilium/v1/federation.grpc.pb.h"
#include "server/round/coordinator.h"
#include "server/rpc/rpc_server.h"
#include "tests/common/pki/test_federation.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::rpc {

using pki::Role;

// Only a hang meets it.
inline constexpr auto kPatience = std::chrono::seconds(30);

class LiveServer : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(consilium::rpc::InitProcess({}), testing::IsOk());
    Start();
  }
  // (Re)starts on the same data; the port may be another.
  void Start() {
    ASSERT_OK_AND_ASSIGN(
        coordinator, round::Coordinator::Create({.folder = federation.folder().PathOf("data"),
                                                 .federation = federation.authority().federation(),
                                                 .version = "test"},
                                                storage, federation.clock()));
    RpcServer::Options options;
    options.transport = transport;
    options.transport.listen = address.empty() ? "127.0.0.1:0" : address;
    options.transport.tls.files = Files(Role::kServer, "main");
    options.federation = federation.authority().federation();
    options.upload_bytes = upload_bytes;
    options.download_bytes = download_bytes;
    options.hello_timeout = hello_timeout;
    ASSERT_OK_AND_ASSIGN(server, RpcServer::Start(options, *coordinator, federation.clock()));
  }
  void Stop() {
    coordinator->Drain();
    server.reset();
    coordinator.reset();
  }
  void TearDown() override {
    if (server != nullptr) Stop();
  }

  std::string Target() const { return "localhost:" + std::to_string(server->port()); }
  // The same certificate however often it is asked for.
  const pki::TlsFiles& Files(Role role, const std::string& id) {
    const auto known = files_.find({role, id});
    if (known != files_.end()) return known->second;
    return files_.emplace(std::pair(role, id), federation.Issue(role, id)).first->second;
  }
  std::shared_ptr<::grpc::Channel> Dial(Role role, const std::string& id) {
    return consilium::rpc::MakeChannel(Target(), Files(role, id),
                                       federation.authority().federation(), federation.clock())
        .value();
  }
  std::unique_ptr<v1::Control::Stub> Control(Role role, const std::string& id) {
    return v1::Control::NewStub(Dial(role, id));
  }
  std::unique_ptr<v1::Federation::Stub> Federation(Role role, const std::string& id) {
    return v1::Federation::NewStub(Dial(role, id));
  }
  static absl::Status StatusOf(const ::grpc::Status& status) {
    return consilium::rpc::FromGrpc(status, "the server");
  }
  v1::SubmitJobRequest JobRequest(std::string_view file, uint8_t nonce = 1) {
    wire::Envelope envelope;
    envelope.federation = federation.authority().federation();
    envelope.nonce[0] = std::byte{nonce};
    envelope.not_before = federation.clock().UtcNow();
    envelope.expiry = envelope.not_before + 3'600'000;
    v1::SubmitJobRequest request;
    request.set_envelope(std::string(AsText(wire::EncodeEnvelope(envelope))));
    request.set_file(std::string(file));
    return request;
  }

  testing::TestFederation federation{"heart"};
  PosixStorage storage;
  std::string address;                      // set: where Start listens
  consilium::rpc::ServerOptions transport;  // but for its address and files
  uint64_t upload_bytes = uint64_t{64} << 20;
  uint64_t download_bytes = uint64_t{64} << 20;
  Duration hello_timeout = kPatience;
  std::unique_ptr<round::Coordinator> coordinator;
  std::unique_ptr<RpcServer> server;

 private:
  std::map<std::pair<Role, std::string>, pki::TlsFiles> files_;
};

// A call's context with a deadline, so that a broken promise fails instead of hanging.
struct Context : ::grpc::ClientContext {
  Context() { set_deadline(std::chrono::system_clock::now() + kPatience); }
};

// A site's standing stream, by hand.
class HandAttend {
 public:
  explicit HandAttend(v1::Federation::Stub& stub) : stream_(stub.Attend(&context_)) {}
  ~HandAttend() { context_.TryCancel(); }
  bool SayHello(const std::string& store_id = "0123456789abcdef0123456789abcdef") {
    wire::Hello hello;
    hello.version = "test";
    hello.store_id = store_id;
    return Say(wire::ToProto(hello));
  }
  bool Say(const v1::SiteFrame& frame) { return stream_->Write(frame); }
  std::optional<v1::ServerFrame> Hear() {
    v1::ServerFrame frame;
    if (!stream_->Read(&frame)) return std::nullopt;
    return frame;
  }
  // Says hello and hears the welcome; 0 when it did not come.
  Epoch Begin() {
    SayHello();
    const auto frame = Hear();
    return frame && frame->has_welcome() ? Epoch(frame->welcome().epoch()) : Epoch(0);
  }
  ::grpc::Status Finish() { return stream_->Finish(); }
  void Leave() { stream_->WritesDone(); }

 private:
  Context context_;
  std::unique_ptr<::grpc::ClientReaderWriter<v1::SiteFrame, v1::ServerFrame>> stream_;
};

inline constexpr std::string_view kSmallJob = R"(
name = "small"
rounds = 3
seed = 7
[data]
dataset = "heart"
label = "y"
features = ["age", "chol"]
[model]
kind = "logistic"
[train]
batch_size = 16
[participation]
min_sites = 2
round_deadline = "1m"
)";

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_TESTS_SERVER_RPC_LIVE_SERVER_H_
