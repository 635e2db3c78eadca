// The probe of the transport: what gRPC and OpenSSL really do with our certificates and settings.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>

#include "common/base/error.h"
#include "common/pki/authority.h"
#include "common/rpc/authenticator.h"
#include "common/rpc/channel.h"
#include "common/rpc/process.h"
#include "common/rpc/server_options.h"
#include "common/rpc/status_conversion.h"
#include "consilium/v1/control.grpc.pb.h"
#include "consilium/v1/federation.grpc.pb.h"
#include "tests/common/crypto/tls_dial.h"
#include "tests/common/pki/test_federation.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::rpc {
namespace {

using pki::Role;
using pki::TlsFiles;
using ::testing::AllOf;
using testing::DialTls;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::Not;
using testing::OddLeaf;
using testing::ShiftedClock;
using testing::TestFederation;
using testing::TlsPemFiles;
using testing::TlsVersion;

constexpr auto kPatience = std::chrono::seconds(20);  // only a hang meets it
constexpr size_t kPieceBytes = size_t{1024} * 1024;

TlsPemFiles PemFiles(const TlsFiles& files) { return {files.cert, files.key, files.ca}; }

// ---- the server under test: Submit echoes raw bytes, SubmitJob and Attend check the caller

class Echo final : public ::grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Echo() { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartWrite(&message_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    message_.Clear();
    StartRead(&message_);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer message_;
};

class Refusal final : public ::grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Refusal(const absl::Status& why) { Finish(ToGrpc(why)); }
  void OnDone() override { delete this; }
};

class FederationService final
    : public v1::Federation::WithRawCallbackMethod_Submit<v1::Federation::Service> {
 public:
  explicit FederationService(const Authenticator& authenticator) : authenticator_(authenticator) {}
  ::grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Submit(
      grpc::CallbackServerContext* context) override {
    ++calls;
    const auto caller = authenticator_.Authenticate(*context, Rpc::kSubmit);
    if (!caller.ok()) return new Refusal(caller.status());
    return new Echo();
  }
  std::atomic<int> calls = 0;

 private:
  const Authenticator& authenticator_;
};

class ControlService final : public v1::Control::CallbackService {
 public:
  explicit ControlService(const Authenticator& authenticator) : authenticator_(authenticator) {}
  grpc::ServerUnaryReactor* SubmitJob(grpc::CallbackServerContext* context,
                                      const v1::SubmitJobRequest*,
                                      v1::SubmitJobReply* reply) override {
    ++calls;
    auto* reactor = context->DefaultReactor();
    const auto caller = authenticator_.Authenticate(*context, Rpc::kSubmitJob);
    if (caller.ok()) reply->set_job_id(caller->identity().ToUri());
    reactor->Finish(ToGrpc(caller.status()));
    return reactor;
  }
  std::atomic<int> calls = 0;

 private:
  const Authenticator& authenticator_;
};

// ---- the other ends

// A channel that checks nothing of itself and nothing of the server but its authority.
std::shared_ptr<grpc::Channel> StrangersChannel(int port, const TlsFiles& files) {
  namespace tls = grpc::experimental;
  const std::string ca = testing::ReadTextFile(files.ca);
  std::vector<tls::IdentityKeyCertPair> pairs;
  if (!files.cert.empty()) {
    pairs.push_back({testing::ReadTextFile(files.key), testing::ReadTextFile(files.cert)});
  }
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<tls::StaticDataCertificateProvider>(ca, pairs));
  options.watch_root_certs();
  if (!pairs.empty()) options.watch_identity_key_cert_pairs();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(fmt::format("localhost:{}", port), tls::TlsCredentials(options),
                                   arguments);
}

absl::Status CallSubmitJob(const std::shared_ptr<grpc::Channel>& channel,
                           std::string* caller = nullptr, size_t file_bytes = 0) {
  const auto stub = v1::Control::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::SubmitJobRequest request;
  request.set_file(std::string(file_bytes, 'x'));
  v1::SubmitJobReply reply;
  const grpc::Status status = stub->SubmitJob(&context, request, &reply);
  if (caller != nullptr) *caller = reply.job_id();
  return FromGrpc(status);
}

// Sends `total` bytes in pieces and counts what comes back, both at once.
struct Echoed {
  size_t bytes = 0;
  bool equal = true;
  absl::Status status;
};
Echoed CallEcho(const std::shared_ptr<grpc::Channel>& channel, size_t total) {
  const auto stub = v1::Federation::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const auto stream = stub->Submit(&context);
  Echoed echoed;
  v1::Chunk chunk;
  v1::SubmitReply unused;
  for (size_t at = 0; at < total; at += kPieceBytes) {
    chunk.set_payload(std::string(std::min(kPieceBytes, total - at), static_cast<char>(at >> 18)));
    if (!stream->Write(chunk)) break;
    v1::SubmitReply echo;  // the same bytes, which this type keeps as fields it does not know
    if (!stream->Read(&echo)) break;
    echoed.bytes += echo.ByteSizeLong();
    v1::Chunk back;
    echoed.equal = echoed.equal && back.ParseFromString(echo.SerializeAsString()) &&
                   back.payload() == chunk.payload();
  }
  stream->WritesDone();
  echoed.status = FromGrpc(stream->Finish());
  return echoed;
}

class Mtls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_THAT(InitProcess({}), IsOk()); }

  void Start(const TlsFiles& files, const Clock& clock) {
    ServerOptions options;
    options.listen = "localhost:0";
    options.tls.files = files;
    ASSERT_OK_AND_ASSIGN(running_, StartServer(options, services_, clock));
  }
  void Start() { Start(federation_.Issue(Role::kServer, "main"), federation_.clock()); }
  void TearDown() override {
    if (running_.server) running_.server->Shutdown(std::chrono::system_clock::now());
  }
  std::string address() const { return fmt::format("localhost:{}", running_.port); }
  std::shared_ptr<grpc::Channel> Dial(const TlsFiles& files) {
    auto channel = MakeChannel(address(), files, "heart", federation_.clock());
    EXPECT_THAT(channel, IsOk());
    return *channel;
  }

  TestFederation federation_;
  Authenticator authenticator_{"heart"};
  FederationService federation_service_{authenticator_};
  ControlService control_service_{authenticator_};
  const std::vector<grpc::Service*> services_ = {&federation_service_, &control_service_};
  RunningServer running_;
};

// ---- TLS itself

TEST_F(Mtls, OnlyTls13IsSpokenAndNoTicketIsGiven) {
  Start();
  const TlsPemFiles files = PemFiles(federation_.Issue(Role::kSite, "a"));
  const auto modern = DialTls(running_.port, files, TlsVersion::k13);
  EXPECT_TRUE(modern.connected) << modern.error;
  EXPECT_EQ(modern.error, "");
  EXPECT_EQ(modern.version, "TLSv1.3");
  EXPECT_EQ(modern.cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(modern.tickets, 0);
  EXPECT_FALSE(DialTls(running_.port, files, TlsVersion::k12).connected);
  // The same dialler does speak 1.2, with who lets it.
  testing::TlsCounter lenient(PemFiles(federation_.Issue(Role::kServer, "old")), TlsVersion::k12);
  EXPECT_TRUE(DialTls(lenient.port(), files, TlsVersion::k12).connected);
}

TEST_F(Mtls, ARawStreamEchoesFourMegabytes) {
  Start();
  const Echoed echoed = CallEcho(Dial(federation_.Issue(Role::kSite, "a")), 4 * kPieceBytes);
  EXPECT_THAT(echoed.status, IsOk());
  EXPECT_TRUE(echoed.equal);
  EXPECT_GE(echoed.bytes, 4 * kPieceBytes);
}

// ---- who may call

TEST_F(Mtls, TheIdentityComesFromTheCertificate) {
  Start();
  std::string caller;
  EXPECT_THAT(CallSubmitJob(Dial(federation_.Issue(Role::kResearcher, "ada")), &caller), IsOk());
  EXPECT_EQ(caller, "spiffe://heart/researcher/ada");
}

TEST_F(Mtls, ARoleWithoutARowIsNotLetIn) {
  Start();
  const absl::Status site = CallSubmitJob(Dial(federation_.Issue(Role::kSite, "a")));
  EXPECT_THAT(site, HasCode(ErrorCode::kNotAllowed));
  EXPECT_THAT(FormatError(site),
              AllOf(HasSubstr("SubmitJob is for the role researcher or operator"),
                    HasSubstr("spiffe://heart/site/a")));
  const Echoed researcher =
      CallEcho(Dial(federation_.Issue(Role::kResearcher, "ada")), kPieceBytes);
  EXPECT_THAT(researcher.status, HasCode(ErrorCode::kNotAllowed));
  EXPECT_THAT(CallSubmitJob(Dial(federation_.Issue(Role::kAuditor, "eve"))),
              HasCode(ErrorCode::kNotAllowed));
}

TEST_F(Mtls, AnUnknownRoleIsNotAuthenticated) {
  Start();
  OddLeaf leaf;
  leaf.uris = {"spiffe://heart/janitor/bob"};
  const absl::Status status =
      CallSubmitJob(StrangersChannel(running_.port, federation_.IssueOdd(leaf)));
  EXPECT_THAT(status, HasCode(ErrorCode::kNotAuthenticated));
  EXPECT_THAT(FormatError(status), HasSubstr("`janitor` is not a role, want server, site"));
}

TEST_F(Mtls, TwoUriNamesAreNotAuthenticated) {
  Start();
  OddLeaf leaf;
  leaf.uris = {"spiffe://heart/researcher/ada", "spiffe://heart/operator/ada"};
  const absl::Status status =
      CallSubmitJob(StrangersChannel(running_.port, federation_.IssueOdd(leaf)));
  EXPECT_THAT(status, HasCode(ErrorCode::kNotAuthenticated));
  EXPECT_THAT(FormatError(status), HasSubstr("has 2 URI names, want exactly one"));
}

TEST_F(Mtls, ANamelessCertificateIsNotAuthenticatedByItsCommonName) {
  Start();
  const absl::Status status =
      CallSubmitJob(StrangersChannel(running_.port, federation_.IssueOdd({})));
  EXPECT_THAT(status, HasCode(ErrorCode::kNotAuthenticated));
  EXPECT_THAT(FormatError(status), HasSubstr("has 0 URI names"));
}

TEST_F(Mtls, AnotherFederationOfTheSameAuthorityIsNotAuthenticated) {
  Start();
  OddLeaf leaf;
  leaf.uris = {"spiffe://lung/researcher/ada"};
  const absl::Status status =
      CallSubmitJob(StrangersChannel(running_.port, federation_.IssueOdd(leaf)));
  EXPECT_THAT(status, HasCode(ErrorCode::kNotAuthenticated));
  EXPECT_THAT(FormatError(status), HasSubstr("the federation lung, want heart"));
}

// ---- who gets through at all; what the person at the client reads

void ExpectTheServerRefusedOurCertificate(const absl::Status& status) {
  EXPECT_TRUE(CodeOf(status) == ErrorCode::kConnectionLost ||
              CodeOf(status) == ErrorCode::kCannotConnect)
      << FormatError(status);
  EXPECT_THAT(FormatError(status), HasSubstr("consilium pki show cert.pem")) << FormatError(status);
  EXPECT_EQ(ExitCodeOf(status), 2);
}

TEST_F(Mtls, NoClientCertificateGetsNoCall) {
  Start();
  TlsFiles files = federation_.Issue(Role::kSite, "a");
  files.cert.clear();
  ExpectTheServerRefusedOurCertificate(CallSubmitJob(StrangersChannel(running_.port, files)));
  EXPECT_EQ(control_service_.calls, 0);
}

TEST_F(Mtls, ACertificateOfAnotherAuthorityGetsNoCall) {
  Start();
  TestFederation other("heart");  // the same name, but not the same authority
  TlsFiles files = other.Issue(Role::kResearcher, "ada");
  files.ca = federation_.Issue(Role::kSite, "a").ca;
  ExpectTheServerRefusedOurCertificate(CallSubmitJob(StrangersChannel(running_.port, files)));
  EXPECT_EQ(control_service_.calls, 0);
}

TEST_F(Mtls, AnExpiredCertificateGetsNoCall) {
  Start();
  OddLeaf leaf;
  leaf.uris = {"spiffe://heart/researcher/ada"};
  leaf.shift = -std::chrono::hours(48);
  const TlsFiles files = federation_.IssueOdd(leaf);
  ExpectTheServerRefusedOurCertificate(CallSubmitJob(StrangersChannel(running_.port, files)));
  EXPECT_EQ(control_service_.calls, 0);
  // Our own client does not even dial: it says when, and what to do.
  const auto channel = MakeChannel(address(), files, "heart", federation_.clock());
  EXPECT_THAT(channel, HasCode(ErrorCode::kCertificateExpired));
  EXPECT_THAT(FormatError(channel.status()),
              AllOf(HasSubstr("expired on 20"), HasSubstr("consilium pki issue")));
}

// ---- whom we call

TEST_F(Mtls, AServerOfAnotherAuthorityIsRefused) {
  Start();
  TestFederation other("heart");
  const absl::Status status = CallSubmitJob(Dial(other.Issue(Role::kResearcher, "ada")));
  EXPECT_THAT(status, HasCode(ErrorCode::kCannotConnect));
  EXPECT_THAT(FormatError(status), HasSubstr("ca.pem")) << FormatError(status);
  EXPECT_EQ(control_service_.calls, 0);
}

TEST_F(Mtls, AnExpiredServerIsRefused) {
  OddLeaf leaf;
  leaf.uris = {"spiffe://heart/server/main"};
  leaf.for_server = true;
  leaf.shift = -std::chrono::hours(48);
  Start(federation_.IssueOdd(leaf), ShiftedClock(-std::chrono::hours(48)));
  const absl::Status status = CallSubmitJob(Dial(federation_.Issue(Role::kResearcher, "ada")));
  EXPECT_THAT(status, HasCode(ErrorCode::kCannotConnect));
  EXPECT_THAT(FormatError(status), HasSubstr("has expired")) << FormatError(status);
}

// Each of these shows a certificate of the right authority, for the name that was dialled.
class Impostor : public Mtls {
 protected:
  absl::Status CallCounter(const TlsFiles& shown, TlsVersion version = TlsVersion::k13) {
    testing::TlsCounter counter(PemFiles(shown), version);
    auto channel =
        MakeChannel(fmt::format("localhost:{}", counter.port()),
                    federation_.Issue(Role::kResearcher, "ada"), "heart", federation_.clock());
    EXPECT_THAT(channel, IsOk());
    const absl::Status status = CallSubmitJob(*channel);
    channel->reset();
    counter.Join();
    bytes_ = counter.bytes();
    shook_hands_ = counter.shook_hands();
    return status;
  }
  size_t bytes_ = 0;
  bool shook_hands_ = false;
};

TEST_F(Impostor, TheProperServerGetsBytes) {  // so that the others mean something
  EXPECT_THAT(CallCounter(federation_.Issue(Role::kServer, "main")), Not(IsOk()));
  EXPECT_TRUE(shook_hands_);
  EXPECT_GT(bytes_, 0u);
}

TEST_F(Impostor, AServerThatSpeaksOnlyTls12GetsNotOneByte) {
  const absl::Status status =
      CallCounter(federation_.Issue(Role::kServer, "main"), TlsVersion::k12);
  EXPECT_FALSE(shook_hands_);
  EXPECT_EQ(bytes_, 0u);
  EXPECT_EQ(ExitCodeOf(status), 2) << FormatError(status);
}

TEST_F(Impostor, ASitePosingAsTheServerGetsNotOneByte) {
  const absl::Status status = CallCounter(federation_.Issue(Role::kSite, "a"));
  EXPECT_EQ(bytes_, 0u);
  EXPECT_EQ(ExitCodeOf(status), 2) << FormatError(status);
}

TEST_F(Impostor, ASiteWithAServersKeyUsageGetsNotOneByte) {
  OddLeaf leaf;
  leaf.uris = {"spiffe://heart/site/a"};
  leaf.for_server = true;
  const absl::Status status = CallCounter(federation_.IssueOdd(leaf));
  EXPECT_TRUE(shook_hands_);  // TLS itself was content
  EXPECT_EQ(bytes_, 0u);
  EXPECT_THAT(status, HasCode(ErrorCode::kWrongRole)) << FormatError(status);
  EXPECT_THAT(FormatError(status),
              AllOf(HasSubstr("spiffe://heart/site/a"),
                    HasSubstr("want spiffe://heart/server/<id>"), HasSubstr("check the address")));
}

TEST_F(Impostor, AServerWithTwoUriNamesGetsNotOneByte) {
  OddLeaf leaf;
  leaf.uris = {"spiffe://heart/server/main", "spiffe://heart/site/a"};
  leaf.for_server = true;
  const absl::Status status = CallCounter(federation_.IssueOdd(leaf));
  EXPECT_EQ(bytes_, 0u);
  EXPECT_THAT(status, HasCode(ErrorCode::kWrongRole)) << FormatError(status);
  EXPECT_THAT(FormatError(status), HasSubstr("2 URI names"));
}

TEST_F(Impostor, AServerOfAnotherFederationGetsNotOneByte) {
  OddLeaf leaf;
  leaf.uris = {"spiffe://lung/server/main"};
  leaf.for_server = true;
  EXPECT_THAT(CallCounter(federation_.IssueOdd(leaf)), HasCode(ErrorCode::kWrongRole));
  EXPECT_EQ(bytes_, 0u);
}

TEST_F(Impostor, AServerWithAnotherNameGetsNotOneByte) {
  pki::IssueSpec spec;
  spec.role = Role::kServer;
  spec.id = "elsewhere";
  spec.dns_names = {"fl.hospital.org"};
  ASSERT_OK_AND_ASSIGN(const pki::Issued issued, federation_.authority().Issue(spec));
  const absl::Status status = CallCounter(issued.tls);
  EXPECT_EQ(bytes_, 0u);
  EXPECT_THAT(status, HasCode(ErrorCode::kWrongRole)) << FormatError(status);
  EXPECT_THAT(FormatError(status), HasSubstr("does not name localhost"));
}

// ---- what else can be wrong

TEST_F(Mtls, NobodyListening) {
  const testing::RefusingPort refusing;
  auto channel =
      MakeChannel(fmt::format("127.0.0.1:{}", refusing.port()),
                  federation_.Issue(Role::kResearcher, "ada"), "heart", federation_.clock());
  ASSERT_THAT(channel, IsOk());
  const absl::Status status = CallSubmitJob(*channel);
  EXPECT_THAT(status, HasCode(ErrorCode::kCannotConnect));
  EXPECT_THAT(FormatError(status),
              AllOf(HasSubstr("Connection refused"), HasSubstr("check that the server runs")));
}

TEST_F(Mtls, AHostThatIsNotKnown) {
  // A label above 63 letters: no resolver has to be asked.
  auto channel =
      MakeChannel(std::string(64, 'a') + ".invalid:8443",
                  federation_.Issue(Role::kResearcher, "ada"), "heart", federation_.clock());
  ASSERT_THAT(channel, IsOk());
  const absl::Status status = CallSubmitJob(*channel);
  EXPECT_THAT(status, HasCode(ErrorCode::kCannotConnect)) << FormatError(status);
  EXPECT_THAT(FormatError(status), HasSubstr("name is not known here")) << FormatError(status);
}

TEST_F(Mtls, AServerWithoutTls) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("localhost:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&control_service_);
  const auto plain = builder.BuildAndStart();
  auto channel =
      MakeChannel(fmt::format("localhost:{}", port), federation_.Issue(Role::kResearcher, "ada"),
                  "heart", federation_.clock());
  ASSERT_THAT(channel, IsOk());
  const absl::Status status = CallSubmitJob(*channel);
  EXPECT_EQ(ExitCodeOf(status), 2) << FormatError(status);
  EXPECT_EQ(control_service_.calls, 0);
  plain->Shutdown(std::chrono::system_clock::now());
}

TEST_F(Mtls, AnOversizedMessageIsRefusedWithTheBound) {
  Start();
  const absl::Status status =
      CallSubmitJob(Dial(federation_.Issue(Role::kResearcher, "ada")), nullptr,
                    static_cast<size_t>(kMaxServerReceiveBytes) + 1);
  EXPECT_THAT(status, HasCode(ErrorCode::kMessageTooLarge));
  EXPECT_THAT(FormatError(status), AllOf(HasSubstr("4194304"), HasSubstr("256 KiB")));
  EXPECT_EQ(control_service_.calls, 0);
}

TEST_F(Mtls, AnOversizedMessageOfAStrangerIsRefusedByTheServer) {
  Start();
  const absl::Status status =
      CallSubmitJob(StrangersChannel(running_.port, federation_.Issue(Role::kResearcher, "ada")),
                    nullptr, static_cast<size_t>(kMaxServerReceiveBytes) + 1);
  EXPECT_THAT(status, HasCode(ErrorCode::kMessageTooLarge)) << FormatError(status);
  EXPECT_EQ(control_service_.calls, 0);
}

TEST_F(Mtls, APortInUseIsNamed) {
  Start();
  ServerOptions options;
  options.listen = address();
  options.tls.files = federation_.Issue(Role::kServer, "second");
  const auto second = StartServer(options, services_, federation_.clock());
  ASSERT_THAT(second, HasCode(ErrorCode::kPortInUse));
  EXPECT_THAT(FormatError(second.status()), AllOf(HasSubstr(address()), HasSubstr("ss -ltnp")));
}

TEST_F(Mtls, AnAddressOfAnotherMachineCannotBeListenedOn) {
  ServerOptions options;
  options.listen = "192.0.2.1:0";  // RFC 5737: nobody's
  options.tls.files = federation_.Issue(Role::kServer, "main");
  const auto server = StartServer(options, services_, federation_.clock());
  ASSERT_THAT(server, HasCode(ErrorCode::kConfigOutOfRange));
  EXPECT_THAT(FormatError(server.status()), HasSubstr("192.0.2.1"));
}

TEST_F(Mtls, ASitesCertificateStartsNoServer) {
  ServerOptions options;
  options.listen = "localhost:0";
  options.tls.files = federation_.Issue(Role::kSite, "a");
  const auto server = StartServer(options, services_, federation_.clock());
  EXPECT_THAT(server, HasCode(ErrorCode::kWrongRole));
}

TEST_F(Mtls, ARenewedCertificateIsShownWithoutARestart) {
  const testing::TempFolder folder;
  namespace fs = std::filesystem;
  const std::string link = folder.PathOf("tls");
  const auto point_at = [&](const TlsFiles& files) {
    fs::create_directory_symlink(fs::path(files.cert).parent_path(), folder.PathOf("new"));
    fs::rename(folder.PathOf("new"), link);
  };
  point_at(federation_.Issue(Role::kServer, "one"));
  ServerOptions options;
  options.listen = "localhost:0";
  options.tls.files = pki::TlsFilesIn(link);
  options.tls.refresh = std::chrono::seconds(1);
  ASSERT_OK_AND_ASSIGN(running_, StartServer(options, services_, federation_.clock()));
  const TlsPemFiles client = PemFiles(federation_.Issue(Role::kSite, "a"));
  const auto first = DialTls(running_.port, client, TlsVersion::k13);
  ASSERT_TRUE(first.connected) << first.error;
  const TlsFiles renewed = federation_.Issue(Role::kServer, "two");
  point_at(renewed);
  ASSERT_OK_AND_ASSIGN(const auto facts, pki::ShowCertificate(renewed.cert));
  const auto until = std::chrono::steady_clock::now() + kPatience;
  std::string shown = first.peer_serial;
  while (shown == first.peer_serial && std::chrono::steady_clock::now() < until) {
    shown = DialTls(running_.port, client, TlsVersion::k13).peer_serial;
  }
  EXPECT_EQ(shown, facts.serial);
}

}  // namespace
}  // namespace consilium::rpc
