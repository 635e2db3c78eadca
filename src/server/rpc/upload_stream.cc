#include "server/rpc/upload_stream.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/wire/messages_proto.h"
#include "fmt/format.h"
#include "server/rpc/refusal.h"

namespace consilium::server::rpc {
namespace {

std::vector<ByteSpan> ViewsOf(const std::vector<::grpc::Slice>& slices) {
  std::vector<ByteSpan> views;
  views.reserve(slices.size());
  for (const ::grpc::Slice& slice : slices) {
    views.push_back(std::as_bytes(std::span(slice.begin(), slice.size())));
  }
  return views;
}

// One piece for the store: the slice itself where there is one, else gathered into this thread's
// buffer (workers are few).
ByteSpan Gather(const wire::ParsedChunk& chunk) {
  if (chunk.payload.size() == 1) return chunk.payload.front();
  thread_local Bytes gathered;
  gathered.clear();
  gathered.reserve(wire::kMaxChunkBytes);
  for (const ByteSpan slice : chunk.payload) {
    gathered.insert(gathered.end(), slice.begin(), slice.end());
  }
  return gathered;
}

}  // namespace

UploadStream::UploadStream(UploadShared& shared, SiteId site,
                           std::shared_ptr<CallCaps::Ticket> ticket)
    : shared_(shared), site_(std::move(site)), ticket_(std::move(ticket)) {
  shared_.open.fetch_add(1);
}

UploadStream::~UploadStream() {
  uint64_t unused = 0;
  {
    MutexLock lock(mutex_);
    unused = send_until_ - written_;
  }
  if (unused > 0) shared_.budget.GiveBack(unused);
  shared_.open.fetch_sub(1);
}

void UploadStream::Start() {
  self_ = shared_from_this();
  MutexLock lock(mutex_);
  ArmTimerLocked();
  StartRead(&incoming_);
}

void UploadStream::OnReadDone(bool ok) {
  if (!ok) {
    return End(Error(ErrorCode::kConnectionLost, "the upload ended before its last byte",
                     "submit it again: it goes on where it stopped"));
  }
  {
    MutexLock lock(mutex_);
    handling_ = true;
  }
  if (!shared_.pool.TryRun([self = shared_from_this()] { self->Handle(); })) End(Overloaded());
}

void UploadStream::Handle() {
  const absl::Status handled = HandleChunk();
  if (!handled.ok()) End(handled);
}

absl::Status UploadStream::HandleChunk() {
  // The next read may begin before this one is done with. And the buffer goes after its slices: it
  // is the last owner of them, and its end gives the transport's memory back in a context of gRPC's
  // own. A slice has none on this thread: with the quota used up, gRPC 1.51 would crash in it.
  ::grpc::ByteBuffer message;
  message.Swap(&incoming_);
  std::vector<::grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return Error(ErrorCode::kProtocol, "a chunk without bytes");
  const std::vector<ByteSpan> views = ViewsOf(slices);
  CN_ASSIGN_OR_RETURN(const wire::ParsedChunk chunk, wire::ParseChunk(views));
  return header_ ? HandlePayload(chunk) : HandleFirst(chunk);
}

absl::Status UploadStream::CheckEpoch() const {
  return shared_.coordinator.federation().CheckEpoch(site_, header_->epoch);
}

absl::Status UploadStream::HandleFirst(const wire::ParsedChunk& chunk) {
  CN_ASSIGN_OR_RETURN(header_, wire::UploadHeaderOf(chunk.header, site_));
  if (chunk.payload_bytes > 0) {
    return Error(ErrorCode::kProtocol,
                 "the first chunk of an upload has a payload; want one after send_until came");
  }
  CN_RETURN_IF_ERROR(CheckEpoch());
  CN_ASSIGN_OR_RETURN(const auto position, shared_.coordinator.updates().Begin(*header_));
  {
    MutexLock lock(mutex_);
    if (position.receipt) {
      written_ = send_until_ = header_->bytes;
      receipt_ = position.receipt;
    } else {
      written_ = send_until_ = position.written;
    }
    reply_due_ = true;
    SendLocked();
  }
  if (position.receipt) return absl::OkStatus();
  if (position.written == header_->bytes) return Accept();
  AskForMore();
  ReadNext();
  return absl::OkStatus();
}

absl::Status UploadStream::HandlePayload(const wire::ParsedChunk& chunk) {
  uint64_t written = 0;
  uint64_t send_until = 0;
  {
    MutexLock lock(mutex_);
    written = written_;
    send_until = send_until_;
  }
  if (chunk.header.offset != written || chunk.payload_bytes == 0 ||
      chunk.payload_bytes > send_until - written) {
    return Error(ErrorCode::kProtocol,
                 fmt::format("a chunk of {} bytes at {}, want some at {} up to {}",
                             chunk.payload_bytes, chunk.header.offset, written, send_until));
  }
  CN_RETURN_IF_ERROR(CheckEpoch());
  CN_RETURN_IF_ERROR(shared_.coordinator.updates()
                         .Append(header_->key, header_->digest, written, Gather(chunk))
                         .status());
  shared_.bytes_received.Add(chunk.payload_bytes);
  Advance(chunk.payload_bytes);
  if (written + chunk.payload_bytes == header_->bytes) return Accept();
  ReadNext();
  return absl::OkStatus();
}

absl::Status UploadStream::Accept() {
  CN_RETURN_IF_ERROR(CheckEpoch());
  CN_ASSIGN_OR_RETURN(auto receipt,
                      shared_.coordinator.updates().Finish(header_->key, header_->digest));
  shared_.coordinator.OnUpdateAccepted(header_->key);
  Log(Level::kInfo, "update accepted",
      {{"job", header_->key.job.value()},
       {"step", header_->key.step.value()},
       {"site", site_.value()},
       {"bytes", header_->bytes}});
  MutexLock lock(mutex_);
  receipt_ = std::move(receipt);
  reply_due_ = true;
  SendLocked();
  return absl::OkStatus();
}

void UploadStream::Advance(uint64_t bytes) {
  {
    MutexLock lock(mutex_);
    written_ += bytes;
    window_.OnWritten(bytes, shared_.clock.Now());
  }
  shared_.budget.GiveBack(bytes);
  AskForMore();
  MutexLock lock(mutex_);
  reply_due_ = true;
  SendLocked();
}

void UploadStream::AskForMore() {
  uint64_t wanted = 0;
  {
    MutexLock lock(mutex_);
    const uint64_t under_way = send_until_ - written_;
    const uint64_t window = window_.BytesBeside(under_way, shared_.budget.granted());
    if (ended_ || asking_ || under_way > window / 2) return;
    wanted = std::min(window - under_way, header_->bytes - send_until_);
    if (wanted == 0) return;
    asking_ = true;
  }
  // Weak: a question of a stream that ended must not keep the grants it still holds.
  shared_.budget.Ask(wanted, [weak = weak_from_this(), &shared = shared_](uint64_t bytes) {
    if (const auto self = weak.lock()) {
      self->OnGranted(bytes);
    } else {
      shared.budget.GiveBack(bytes);
    }
  });
}

void UploadStream::OnGranted(uint64_t bytes) {
  MutexLock lock(mutex_);
  asking_ = false;
  // Waiting for the others is not this line's slowness.
  if (send_until_ == written_) window_.Begin(shared_.clock.Now());
  send_until_ += bytes;  // of an ended stream: the destructor gives them back
  reply_due_ = true;
  SendLocked();
}

void UploadStream::ReadNext() {
  MutexLock lock(mutex_);
  handling_ = false;
  if (!ended_) StartRead(&incoming_);
}

void UploadStream::ArmTimerLocked() {
  timer_ = std::make_unique<::grpc::Alarm>();
  timer_->Set(std::chrono::system_clock::now() + kUploadStall,
              [weak = weak_from_this()](bool fired) {
                const auto self = weak.lock();  // the alarm keeps this function
                if (fired && self) self->OnTimer();
              });
}

void UploadStream::OnTimer() {
  MutexLock lock(mutex_);
  if (ended_) return;
  const std::pair<uint64_t, uint64_t> now(written_, send_until_);
  const bool sites_turn = !handling_ && (send_until_ > written_ || send_until_ == 0);
  if (sites_turn && now == at_last_look_) {
    return EndLocked(Refuse("Submit",
                            Error(ErrorCode::kTimedOut, "the upload sent nothing for a while",
                                  "submit it again: it goes on where it stopped"),
                            site_.value()));
  }
  at_last_look_ = now;
  ArmTimerLocked();
}

void UploadStream::SendLocked() {
  if (writing_ || ended_ || !reply_due_) return;
  reply_due_ = false;
  wire::SubmitReply reply;
  reply.written = written_;
  reply.send_until = send_until_;
  reply.receipt = receipt_;
  const ::grpc::Slice slice(wire::ToProto(reply).SerializeAsString());
  reply_ = ::grpc::ByteBuffer(&slice, 1);
  writing_ = true;
  StartWrite(&reply_);
}

void UploadStream::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (ended_) return Finish(end_);
  if (!ok) return EndLocked({::grpc::StatusCode::CANCELLED, "the site left"});
  if (reply_due_) return SendLocked();
  if (receipt_) EndLocked(::grpc::Status::OK);
}

void UploadStream::OnCancel() {
  MutexLock lock(mutex_);
  EndLocked({::grpc::StatusCode::CANCELLED, "the site left"});
}

void UploadStream::OnDone() {
  ticket_.reset();
  {
    MutexLock lock(mutex_);
    timer_->Cancel();
  }
  self_.reset();
}

void UploadStream::End(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (!ended_) EndLocked(Refuse("Submit", status, site_.value()));
}

void UploadStream::EndLocked(::grpc::Status status) {
  if (ended_) return;
  ended_ = true;
  end_ = std::move(status);
  if (!writing_) Finish(end_);  // else when the write has ended
}

}  // namespace consilium::server::rpc
