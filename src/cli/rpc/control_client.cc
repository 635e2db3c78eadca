#include "cli/rpc/control_client.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "common/base/digest.h"
#include "common/base/error.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/pki/tls_files.h"
#include "common/rpc/channel.h"
#include "common/rpc/status_conversion.h"
#include "common/wire/messages.h"
#include "consilium/v1/control.grpc.pb.h"

namespace consilium::cli {
namespace {

constexpr uint64_t kMaxModelBytes = uint64_t{1} << 30;
constexpr Duration kFirstPause = std::chrono::milliseconds(200);
constexpr Duration kLongestPause = std::chrono::seconds(5);

std::string ToBytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

// A lost connection may come back; everything else is the answer.
bool IsTransient(const absl::Status& status) {
  const std::optional<ErrorCode> code = CodeOf(status);
  return code == ErrorCode::kCannotConnect || code == ErrorCode::kConnectionLost;
}

}  // namespace

struct ControlClient::Parts {
  std::string federation;
  std::string peer;  // "the server at host:8443"
  Duration timeout;
  std::unique_ptr<v1::Control::Stub> stub;

  Mutex mutex;
  grpc::ClientContext* watching ABSL_GUARDED_BY(mutex) = nullptr;
  bool interrupted ABSL_GUARDED_BY(mutex) = false;

  void SetDeadline(grpc::ClientContext& context, Duration after) const {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(after));
  }

  template <typename Reply, typename Request, typename Method>
  absl::StatusOr<Reply> Call(Method method, const Request& request) {
    grpc::ClientContext context;
    SetDeadline(context, timeout);
    Reply reply;
    const grpc::Status status = (stub.get()->*method)(&context, request, &reply);
    if (!status.ok()) return rpc::FromGrpc(status, peer);
    return reply;
  }

  bool Register(grpc::ClientContext* context) {
    MutexLock lock(mutex);
    watching = context;
    return !interrupted;
  }
  bool Interrupted() {
    MutexLock lock(mutex);
    return interrupted;
  }
};

ControlClient::ControlClient(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ControlClient::~ControlClient() = default;

absl::StatusOr<std::unique_ptr<ControlClient>> ControlClient::Create(
    const ConnectionOptions& options) {
  const pki::TlsFiles files{options.cert, options.key, options.ca};
  const SystemClock clock;
  CN_ASSIGN_OR_RETURN(const pki::TlsMaterial material, pki::LoadTlsFiles(files, clock));
  auto parts = std::make_unique<Parts>();
  parts->federation = material.identity.federation;
  parts->peer = "the server at " + options.server;
  parts->timeout = options.timeout;
  CN_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                      rpc::MakeChannel(options.server, files, parts->federation, clock));
  parts->stub = v1::Control::NewStub(channel);
  return std::unique_ptr<ControlClient>(new ControlClient(std::move(parts)));
}

const std::string& ControlClient::federation() const { return parts_->federation; }

absl::StatusOr<v1::SubmitJobReply> ControlClient::Submit(ByteSpan envelope, ByteSpan file) {
  v1::SubmitJobRequest request;
  request.set_envelope(AsText(envelope).data(), envelope.size());
  request.set_file(AsText(file).data(), file.size());
  return parts_->Call<v1::SubmitJobReply>(&v1::Control::Stub::SubmitJob, request);
}

absl::StatusOr<v1::ListJobsReply> ControlClient::Jobs() {
  return parts_->Call<v1::ListJobsReply>(&v1::Control::Stub::ListJobs, v1::ListJobsRequest());
}

absl::StatusOr<v1::JobView> ControlClient::Job(const std::string& job) {
  v1::GetJobRequest request;
  request.set_job_id(job);
  return parts_->Call<v1::JobView>(&v1::Control::Stub::GetJob, request);
}

absl::StatusOr<v1::JobView> ControlClient::Cancel(const std::string& job) {
  v1::CancelJobRequest request;
  request.set_job_id(job);
  return parts_->Call<v1::JobView>(&v1::Control::Stub::CancelJob, request);
}

absl::StatusOr<v1::ReplayJobReply> ControlClient::Replay(const std::string& job) {
  v1::ReplayJobRequest request;
  request.set_job_id(job);
  return parts_->Call<v1::ReplayJobReply>(&v1::Control::Stub::ReplayJob, request);
}

absl::StatusOr<v1::ListSitesReply> ControlClient::Sites() {
  return parts_->Call<v1::ListSitesReply>(&v1::Control::Stub::ListSites, v1::ListSitesRequest());
}

absl::Status ControlClient::Watch(const WatchOptions& options,
                                  const std::function<bool(const v1::WatchJobReply&)>& on_change,
                                  const std::function<void(const absl::Status&)>& on_wait) {
  const SystemClock clock;
  const Instant begun = clock.Now();
  Instant lost_since{};
  Duration pause = kFirstPause;
  v1::WatchJobRequest request;
  request.set_job_id(options.job);
  request.set_after_step(options.after_step);
  while (true) {
    grpc::ClientContext context;
    if (options.limit.count() > 0) {
      parts_->SetDeadline(context, begun + options.limit - clock.Now());
    }
    if (!parts_->Register(&context)) return absl::CancelledError("interrupted");
    const auto reader = parts_->stub->WatchJob(&context, request);
    bool wanted = true;
    v1::WatchJobReply reply;
    while (wanted && reader->Read(&reply)) {
      pause = kFirstPause;
      lost_since = {};
      for (const auto& step : reply.job().steps()) {
        request.set_after_step(std::max(request.after_step(), step.step()));
      }
      wanted = on_change(reply);
    }
    if (!wanted) context.TryCancel();
    const grpc::Status ended = reader->Finish();
    parts_->Register(nullptr);
    if (!wanted || ended.ok()) return absl::OkStatus();
    if (parts_->Interrupted()) return absl::CancelledError("interrupted");
    const absl::Status status = rpc::FromGrpc(ended, parts_->peer);
    if (!IsTransient(status)) return status;
    if (lost_since == Instant{}) lost_since = clock.Now();
    if (clock.Now() - lost_since >= options.patience) return status;
    on_wait(status);
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

void ControlClient::Interrupt() {
  MutexLock lock(parts_->mutex);
  parts_->interrupted = true;
  if (parts_->watching != nullptr) parts_->watching->TryCancel();
}

absl::StatusOr<std::string> ControlClient::GetModel(const std::string& job,
                                                    const std::string& state) {
  v1::GetModelRequest request;
  if (!job.empty()) {
    request.set_job_id(job);
  } else if (const std::optional<Digest> digest = ParseDigest(state)) {
    request.set_state(ToBytes(*digest));
  } else {
    return Error(ErrorCode::kUsage, "a state is named by 64 hex digits");
  }
  grpc::ClientContext context;
  const auto reader = parts_->stub->GetModel(&context, request);
  std::string part;
  std::string digest;
  uint64_t total = 0;
  v1::ModelChunk chunk;
  while (reader->Read(&chunk)) {
    if (part.empty()) {
      total = chunk.header().total();
      digest = chunk.header().digest();
    }
    if (total > kMaxModelBytes || part.size() + chunk.payload().size() > total) {
      context.TryCancel();
      break;
    }
    part += chunk.payload();
  }
  const grpc::Status ended = reader->Finish();
  if (!ended.ok() && !(part.size() == total && total > 0))
    return rpc::FromGrpc(ended, parts_->peer);
  if (part.size() != total || ToBytes(crypto::Sha256Of(AsBytes(part))) != digest) {
    return Error(ErrorCode::kStateCorrupt,
                 fmt::format("the model arrived with {} bytes of {}, or with another digest",
                             part.size(), total),
                 "try again; if it stays so, the server's store is damaged");
  }
  return part;
}

absl::StatusOr<std::string> ControlClient::PutModel(ByteSpan part) {
  grpc::ClientContext context;
  v1::PutModelReply reply;
  const auto writer = parts_->stub->PutModel(&context, &reply);
  v1::ModelChunk chunk;
  chunk.mutable_header()->set_total(part.size());
  chunk.mutable_header()->set_digest(ToBytes(crypto::Sha256Of(part)));
  for (size_t offset = 0; offset < part.size();) {
    const ByteSpan piece =
        part.subspan(offset, std::min(wire::kMaxChunkBytes, part.size() - offset));
    chunk.mutable_header()->set_offset(offset);
    chunk.set_payload(AsText(piece).data(), piece.size());
    if (!writer->Write(chunk)) break;
    offset += piece.size();
    chunk.Clear();
  }
  writer->WritesDone();
  const grpc::Status ended = writer->Finish();
  if (!ended.ok()) return rpc::FromGrpc(ended, parts_->peer);
  Digest digest;
  if (reply.state().size() != digest.bytes.size()) {
    return Error(ErrorCode::kProtocol, "the server answered without a digest");
  }
  std::memcpy(digest.bytes.data(), reply.state().data(), digest.bytes.size());
  return HexOf(digest);
}

}  // namespace consilium::cli
