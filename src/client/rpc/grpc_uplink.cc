#include "client/rpc/grpc_uplink.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/rpc/status_conversion.h"
#include "common/wire/messages_proto.h"
#include "fmt/format.h"

namespace consilium::client::rpc {

// One call under way, known to Close and CutStalledCalls while it lives.
class GrpcUplink::Call {
 public:
  explicit Call(GrpcUplink& uplink) : uplink_(uplink) {
    MutexLock lock(uplink_.mutex_);
    epoch_ = uplink_.epoch_;
    open_ = !uplink_.closed_;
    if (open_) uplink_.calls_.emplace(&context_, uplink_.clock_.Now());
  }
  ~Call() {
    MutexLock lock(uplink_.mutex_);
    uplink_.calls_.erase(&context_);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool open() const { return open_; }
  Epoch epoch() const { return epoch_; }
  ::grpc::ClientContext& context() { return context_; }
  void Moved() {
    MutexLock lock(uplink_.mutex_);
    if (const auto at = uplink_.calls_.find(&context_); at != uplink_.calls_.end()) {
      at->second = uplink_.clock_.Now();
    }
  }

 private:
  GrpcUplink& uplink_;
  ::grpc::ClientContext context_;
  Epoch epoch_;
  bool open_ = false;
};

namespace {

absl::Status Lost(const std::string& peer) {
  return Error(ErrorCode::kConnectionLost, fmt::format("the connection to {} is lost", peer),
               "nothing to do: it is tried again, and goes on where it stopped");
}

// The upload's name; its payload follows once the server says from where.
v1::Chunk FirstChunk(const wire::UploadHeader& header, Epoch epoch) {
  v1::Chunk chunk;
  v1::ChunkHeader& out = *chunk.mutable_header();
  out.set_total(header.bytes);
  out.set_digest(wire::DigestBytes(header.digest));
  out.set_epoch(epoch.value());
  out.set_job_id(header.key.job.value());
  out.set_step(header.key.step.value());
  return chunk;
}

absl::Status CheckReply(const wire::SubmitReply& reply, const wire::UploadHeader& header,
                        uint64_t sent, bool first) {
  const bool sound = reply.written <= reply.send_until && reply.send_until <= header.bytes &&
                     (first || reply.written <= sent);
  if (!sound) {
    return Error(ErrorCode::kProtocol,
                 fmt::format("the server has {} and allows {} of {} bytes, {} were sent",
                             reply.written, reply.send_until, header.bytes, sent));
  }
  if (reply.receipt &&
      (reply.receipt->key != header.key || reply.receipt->digest != header.digest)) {
    return Error(ErrorCode::kProtocol, "the receipt is for another update");
  }
  return absl::OkStatus();
}

}  // namespace

GrpcUplink::GrpcUplink(Peer peer, const Clock& clock, metrics::Counter& bytes_sent)
    : peer_(std::move(peer)),
      clock_(clock),
      bytes_sent_(bytes_sent),
      stub_(v1::Federation::NewStub(peer_.channel)),
      outgoing_(kMaxOutgoingMessages) {}

void GrpcUplink::Send(const wire::SiteMessage& message) {
  if (outgoing_.TryPush(wire::ToProto(message)) || outgoing_.closed()) return;
  Close();  // the server does not read: begin anew
}

void GrpcUplink::Bind(::grpc::ClientContext* attend) {
  MutexLock lock(mutex_);
  attend_ = attend;
  if (closed_ && attend_ != nullptr) attend_->TryCancel();
}

void GrpcUplink::Open(const wire::Welcome& welcome) {
  MutexLock lock(mutex_);
  epoch_ = welcome.epoch;
  streams_ =
      std::ranges::find(welcome.capabilities, wire::kUpdateInStream) != welcome.capabilities.end();
}

void GrpcUplink::Close() {
  outgoing_.Close();
  MutexLock lock(mutex_);
  closed_ = true;
  answered_.NotifyAll();
  if (attend_ != nullptr) attend_->TryCancel();
  for (const auto& [context, moved] : calls_) context->TryCancel();
}

std::optional<v1::SiteFrame> GrpcUplink::NextMessage(Instant deadline) {
  return outgoing_.PopUntil(deadline);
}

void GrpcUplink::CutStalledCalls() {
  MutexLock lock(mutex_);
  for (const auto& [context, moved] : calls_) {
    if (clock_.Now() - moved > kCallStall) context->TryCancel();
  }
}

absl::Status GrpcUplink::EndOf(const ::grpc::Status& status) const {
  const absl::Status ours = consilium::rpc::FromGrpc(status, peer_.name);
  return ours.code() == absl::StatusCode::kCancelled ? Lost(peer_.name) : ours;
}

absl::Status GrpcUplink::Fetch(const Digest& digest, uint64_t offset,
                               const std::function<absl::Status(ByteSpan)>& sink) {
  Call call(*this);
  if (!call.open()) return Lost(peer_.name);
  wire::FetchRequest request;
  request.epoch = call.epoch();
  request.digest = digest;
  request.offset = offset;
  const auto stream = stub_->Fetch(&call.context(), wire::ToProto(request));
  absl::Status taken;
  uint64_t at = offset;
  uint64_t total = offset;
  for (v1::Chunk chunk; taken.ok() && stream->Read(&chunk);) {
    call.Moved();
    total = chunk.header().total();
    if (chunk.header().offset() != at || chunk.payload().size() > wire::kMaxChunkBytes) {
      taken = Error(ErrorCode::kProtocol,
                    fmt::format("a chunk of {} bytes at {}, want it at {}", chunk.payload().size(),
                                chunk.header().offset(), at));
    } else if (!chunk.payload().empty()) {
      taken = sink(AsBytes(chunk.payload()));
      at += chunk.payload().size();
    }
  }
  if (!taken.ok()) call.context().TryCancel();
  const ::grpc::Status end = stream->Finish();
  if (!taken.ok()) return taken;
  CN_RETURN_IF_ERROR(EndOf(end));
  return at == total ? absl::OkStatus() : Lost(peer_.name);
}

absl::StatusOr<wire::Receipt> GrpcUplink::Submit(
    const wire::UploadHeader& header, const FileReader& update,
    const std::function<void(uint64_t written)>& on_written) {
  if (MayStream(update)) {
    CN_ASSIGN_OR_RETURN(std::optional<wire::Receipt> receipt, SubmitInStream(header, update));
    if (receipt) return *std::move(receipt);
  }
  Call call(*this);
  if (!call.open()) return Lost(peer_.name);
  return DriveUpload(header, update, call, on_written);
}

bool GrpcUplink::MayStream(const FileReader& update) const {
  MutexLock lock(mutex_);
  return streams_ && !closed_ && !asked_ && update.size() <= wire::kMaxStreamedUpdateBytes;
}

absl::StatusOr<std::optional<wire::Receipt>> GrpcUplink::SubmitInStream(
    const wire::UploadHeader& header, const FileReader& update) {
  wire::StreamedUpdate message{header.key.job, header.key.step, header.digest,
                               Bytes(update.size())};
  CN_RETURN_IF_ERROR(update.ReadAt(0, message.file));
  {
    MutexLock lock(mutex_);
    if (asked_) return std::optional<wire::Receipt>();
    asked_ = Asked{header.key, header.digest, std::nullopt};
  }
  const bool sent = outgoing_.TryPush(wire::ToProto(message));
  if (sent) bytes_sent_.Add(message.file.size());
  const std::optional<wire::UpdateReply> reply = sent ? AwaitReply() : std::nullopt;
  {
    MutexLock lock(mutex_);
    asked_.reset();
    if (!reply && closed_) return Lost(peer_.name);
  }
  if (!reply || !reply->accepted) return std::optional<wire::Receipt>();
  return wire::Receipt{header.key, header.digest, reply->key_id, reply->signature};
}

std::optional<wire::UpdateReply> GrpcUplink::AwaitReply() {
  const Instant until = clock_.Now() + kCallStall;
  MutexLock lock(mutex_);
  while (!closed_ && !asked_->reply && clock_.Now() < until) answered_.WaitUntil(mutex_, until);
  return asked_->reply;
}

void GrpcUplink::OnReply(const wire::UpdateReply& reply) {
  MutexLock lock(mutex_);
  const bool ours = asked_ && asked_->key.job == reply.job && asked_->key.step == reply.step &&
                    asked_->digest == reply.digest;
  if (!ours) return;  // of one that was given up
  asked_->reply = reply;
  answered_.NotifyAll();
}

// One thread drives both directions: it writes all that is allowed, then waits for the next reply.
// The server allows a window beyond what it has written, so the next chunks travel meanwhile.
absl::StatusOr<wire::Receipt> GrpcUplink::DriveUpload(
    const wire::UploadHeader& header, const FileReader& update, Call& call,
    const std::function<void(uint64_t)>& on_written) {
  const auto stream = stub_->Submit(&call.context());
  v1::Chunk chunk = FirstChunk(header, call.epoch());
  stream->Write(chunk);  // a failure shows in the status below
  chunk.Clear();
  absl::Status fault;
  std::optional<wire::Receipt> receipt;
  uint64_t sent = 0;
  bool first = true;
  for (v1::SubmitReply frame; fault.ok() && !receipt && stream->Read(&frame); first = false) {
    call.Moved();
    auto reply = wire::FromProto(frame, peer_.site);
    fault = reply.ok() ? CheckReply(*reply, header, sent, first) : reply.status();
    if (!fault.ok()) break;
    if (first) sent = reply->written;
    on_written(reply->written);
    receipt = std::move(reply->receipt);
    while (fault.ok() && !receipt && sent < reply->send_until) {
      const auto piece =
          static_cast<size_t>(std::min<uint64_t>(kSendPieceBytes, reply->send_until - sent));
      std::string& payload = *chunk.mutable_payload();
      payload.resize(piece);
      fault = update.ReadAt(sent, std::as_writable_bytes(std::span<char>(payload)));
      chunk.mutable_header()->set_offset(sent);
      if (!fault.ok() || !stream->Write(chunk)) break;
      sent += piece;
      bytes_sent_.Add(piece);
      call.Moved();
    }
  }
  if (!fault.ok()) call.context().TryCancel();
  stream->WritesDone();
  const ::grpc::Status end = stream->Finish();
  if (receipt) return *std::move(receipt);  // it is durable, however the call ended
  if (!fault.ok()) return fault;
  CN_RETURN_IF_ERROR(EndOf(end));
  return Lost(peer_.name);
}

}  // namespace consilium::client::rpc
