// Any frames, in any order, as they come to the two ends of a federation: a server with a job under
// way hears what a site may say, and takes its uploads; a site hears what a server may say. Nothing
// dies, what is refused is refused by name, and the server can still list and cancel its job.
// Input: one byte (server or site), then pieces of [kind][length, 2 bytes, low first][bytes].
// In a piece the job's id is sixteen zeros, and the digest of its state thirty-two zero bytes: the
// fuzzer does not guess those.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "client/policy/policy.h"
#include "client/session/site_session.h"
#include "client/session/uplink.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/crypto/sha256.h"
#include "common/wire/chunk.h"
#include "common/wire/envelope.h"
#include "common/wire/messages_proto.h"
#include "server/round/coordinator.h"

namespace consilium {
namespace {

constexpr const char* kHandlersJob = R"(name = "fuzzed"
rounds = 2
[data]
dataset = "tiny"
label = "y"
features = ["x"]
standardize = "none"
[model]
kind = "logistic"
[participation]
min_sites = 1
)";

const SiteId kSite("a");

template <typename Result>
void CheckRefusal(const Result& result) {
  CN_CHECK(result.ok() || CodeOf(result.status()).has_value());
}
void CheckRefusal(const absl::Status& status) {
  CN_CHECK(status.ok() || CodeOf(status).has_value());
}

struct Piece {
  uint8_t kind = 0;
  std::string bytes;
};

// Takes the next piece off the front of `rest`.
std::optional<Piece> NextPiece(ByteSpan& rest) {
  if (rest.size() < 3) return std::nullopt;
  const size_t length = static_cast<size_t>(rest[1]) | (static_cast<size_t>(rest[2]) << 8);
  Piece piece{static_cast<uint8_t>(rest[0]), ""};
  rest = rest.subspan(3);
  const ByteSpan bytes = rest.first(std::min(length, rest.size()));
  rest = rest.subspan(bytes.size());
  piece.bytes = std::string(AsText(bytes));
  return piece;
}

void Replace(std::string& text, const std::string& what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size()))
    text.replace(at, what.size(), with);
}

// Sixteen and thirty-two zeros become what they stand for.
void FillIn(std::string& bytes, const JobId& job, const Digest& state) {
  Replace(bytes, std::string(16, '0'), job.value());
  Replace(bytes, std::string(32, '\0'), AsText(std::as_bytes(std::span(state.bytes))));
}

class DeafPort final : public server::registry::SitePort {
 public:
  void Send(const wire::ServerMessage&) override {}
  void Close(const absl::Status&) override {}
};

class FuzzedServer {
 public:
  FuzzedServer() {
    server::round::Coordinator::Options options;
    options.folder = "server";
    options.federation = "fuzzed";
    options.version = "0";
    options.threads = false;
    auto started = server::round::Coordinator::Create(options, storage_, clock_);
    CN_CHECK(started.ok());
    coordinator_ = *std::move(started);
    wire::Envelope envelope;
    envelope.federation = "fuzzed";
    envelope.expiry = int64_t{1} << 50;
    const auto submitted = coordinator_->Submit("ada", wire::EncodeEnvelope(envelope),
                                                AsBytes(std::string_view(kHandlersJob)));
    CN_CHECK(submitted.ok());
    job_ = submitted->job;
    wire::Hello hello;
    hello.version = "0";
    hello.store_id = "disk";
    hello.datasets = {"tiny"};
    Attend(hello);
    CN_CHECK(
        coordinator_->federation()
            .OnMessage(kSite, epoch_, wire::AdmissionReply{job_, wire::Verdict::kAdmitted, "", ""})
            .ok());
    Pump();
    for (int wait = 0; wait < 60 && coordinator_->Show(job_)->steps.empty(); ++wait) {
      clock_.Advance(std::chrono::seconds(1));
      Pump();
    }
    CN_CHECK(coordinator_->Show(job_)->steps.size() == 1);  // open, and offered
  }

  void Do(Piece piece) {
    FillIn(piece.bytes, job_, State());
    switch (piece.kind % 4) {
      case 0:
        return Hear(piece.bytes);
      case 1:
        return Upload(AsBytes(piece.bytes));
      case 2:
        return TakeChunk(AsBytes(piece.bytes));
      default:
        clock_.Advance(std::chrono::seconds(piece.bytes.size()));
        Pump();
    }
  }

  void Finish() {
    CN_CHECK(coordinator_->Show(job_).ok());
    CN_CHECK(coordinator_->List().size() == 1);
    CN_CHECK(coordinator_->Cancel(job_, "fuzz").ok());
    Pump();
  }

 private:
  using Coordinator = server::round::Coordinator;

  Digest State() const {
    const auto job = coordinator_->Show(job_);
    CN_CHECK(job.ok());
    return job->state;
  }
  void Attend(const wire::Hello& hello) {
    const auto welcome =
        coordinator_->federation().Attend(kSite, hello, std::make_shared<DeafPort>());
    CheckRefusal(welcome);
    if (welcome.ok()) epoch_ = welcome->epoch;
    Pump();
  }
  void Hear(const std::string& bytes) {
    v1::SiteFrame frame;
    if (!frame.ParseFromString(bytes)) return;
    const auto message = wire::FromProto(frame);
    CheckRefusal(message);
    if (!message.ok()) return;
    if (const auto* hello = std::get_if<wire::Hello>(&*message)) Attend(*hello);
    if (const auto* said = std::get_if<wire::SiteMessage>(&*message)) {
      CheckRefusal(coordinator_->federation().OnMessage(kSite, epoch_, *said));
    }
    Pump();
  }
  // A whole update under a right digest.
  void Upload(ByteSpan update) {
    wire::UploadHeader header;
    header.key = {job_, StepNumber(1), kSite};
    header.epoch = epoch_;
    header.digest = crypto::Sha256Of(update);
    header.bytes = update.size();
    const auto position = coordinator_->updates().Begin(header);
    CheckRefusal(position);
    if (!position.ok() || position->receipt) return;
    Complete(header, position->written, update.subspan(position->written));
  }
  void Complete(const wire::UploadHeader& header, uint64_t written, ByteSpan rest) {
    server::store::UpdateStore& updates = coordinator_->updates();
    const auto appended = updates.Append(header.key, header.digest, written, rest);
    CheckRefusal(appended);
    const auto receipt = updates.Finish(header.key, header.digest);
    CheckRefusal(receipt);
    if (receipt.ok()) coordinator_->OnUpdateAccepted(header.key);
    Pump();
  }
  // As it comes over the wire: the first of an upload, with what follows at once.
  void TakeChunk(ByteSpan bytes) {
    const auto chunk = wire::ParseChunk({&bytes, 1});
    CheckRefusal(chunk);
    if (!chunk.ok()) return;
    const auto header = wire::UploadHeaderOf(chunk->header, kSite);
    CheckRefusal(header);
    if (!header.ok()) return;
    const auto position = coordinator_->updates().Begin(*header);
    CheckRefusal(position);
    if (!position.ok() || position->receipt) return;
    Bytes payload;
    for (const ByteSpan slice : chunk->payload) {
      payload.insert(payload.end(), slice.begin(), slice.end());
    }
    Complete(*header, chunk->header.offset, payload);
  }
  void Pump() {
    while (coordinator_->Pump()) {
    }
  }

  MemoryStorage storage_;
  ManualClock clock_;
  std::unique_ptr<Coordinator> coordinator_;
  JobId job_;
  Epoch epoch_;
};

class NoData final : public client::session::DatasetSource {
 public:
  std::vector<std::string> Names() const override { return {"tiny"}; }
  absl::StatusOr<std::shared_ptr<const client::data::Dataset>> Load(
      const job::JobSpec&, const client::data::ReadProgress&) override {
    return Error(ErrorCode::kDatasetUnknown, "no such dataset");
  }
};

class DeadUplink final : public client::session::Uplink {
 public:
  void Send(const wire::SiteMessage& message) override {
    CN_CHECK(wire::FromProto(wire::ToProto(message)).ok());
  }
  absl::Status Fetch(const Digest&, uint64_t,
                     const std::function<absl::Status(ByteSpan)>&) override {
    return Error(ErrorCode::kConnectionLost, "no network");
  }
  absl::StatusOr<wire::Receipt> Submit(const wire::UploadHeader&, const FileReader&,
                                       const std::function<void(uint64_t)>&) override {
    return Error(ErrorCode::kConnectionLost, "no network");
  }
};

class FuzzedSite {
 public:
  FuzzedSite()
      : policy_({.datasets = {"tiny"},
                 .workloads = {"train", "evaluate"},
                 .researchers = {"*"},
                 .min_rows = 1}) {
    auto session = client::session::SiteSession::Create(
        {.site = kSite, .folder = "site", .version = "0"},
        {storage_, data_, policy_, clock_,
         [](const auto&...) -> absl::StatusOr<client::train::Contribution> {
           return Error(ErrorCode::kInternal, "nothing is trained here");
         }});
    CN_CHECK(session.ok());
    session_ = *std::move(session);
    session_->OnWelcome({}, std::make_shared<DeadUplink>());
  }

  void Do(Piece piece) {
    if (piece.kind % 4 == 3) {
      clock_.Advance(std::chrono::seconds(piece.bytes.size()));
    } else {
      FillIn(piece.bytes, job_, Digest());
      Hear(piece.bytes);
    }
    while (session_->RunOne()) {
    }
  }

 private:
  void Hear(const std::string& bytes) {
    v1::ServerFrame frame;
    if (!frame.ParseFromString(bytes)) return;
    // A notice's id is that of its bytes: the fuzzer does not guess it.
    if (frame.has_job()) {
      job_ = wire::JobIdOf(AsBytes(frame.job().envelope()),
                           crypto::Sha256Of(AsBytes(frame.job().file())));
      frame.mutable_job()->set_job_id(job_.value());
    }
    const auto message = wire::FromProto(frame);
    CheckRefusal(message);
    if (!message.ok()) return;
    if (const auto* welcome = std::get_if<wire::Welcome>(&*message)) {
      session_->OnWelcome(*welcome, std::make_shared<DeadUplink>());
    }
    if (const auto* said = std::get_if<wire::ServerMessage>(&*message)) session_->OnMessage(*said);
  }

  MemoryStorage storage_;
  ManualClock clock_;
  NoData data_;
  client::policy::Policy policy_;
  std::unique_ptr<client::session::SiteSession> session_;
  JobId job_{"0000000000000000"};
};

template <typename End>
void RunPieces(End& end, ByteSpan rest) {
  constexpr int kMostPieces = 32;
  for (int count = 0; count < kMostPieces; ++count) {
    std::optional<Piece> piece = NextPiece(rest);
    if (!piece) return;
    end.Do(*std::move(piece));
  }
}

void Run(ByteSpan bytes) {
  if (bytes.empty()) return;
  const bool at_site = static_cast<uint8_t>(bytes[0]) % 2 == 1;
  if (at_site) {
    FuzzedSite site;
    RunPieces(site, bytes.subspan(1));
  } else {
    FuzzedServer server;
    RunPieces(server, bytes.subspan(1));
    server.Finish();
  }
}

}  // namespace
}  // namespace consilium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
