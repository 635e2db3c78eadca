#include "tests/bench/load_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/wire/messages_proto.h"
#include "tests/bench/figures.h"

namespace consilium::bench {
namespace {

constexpr size_t kKeptBytes = 4096;
constexpr const char* kFetchMethod = "/consilium.v1.Federation/Fetch";
constexpr const char* kSubmitMethod = "/consilium.v1.Federation/Submit";

::grpc::Slice SliceOf(ByteSpan bytes) { return {bytes.data(), bytes.size()}; }
// Not copied: `bytes` outlives the call.
::grpc::Slice ViewOf(ByteSpan bytes) {
  return {bytes.data(), bytes.size(), ::grpc::Slice::STATIC_SLICE};
}

ByteBuffer BufferOf(const std::string& message) {
  const ::grpc::Slice slice(message);
  return ByteBuffer(&slice, 1);
}

// What a site cannot cure by dialling again ends the benchmark.
void CheckEnd(const ::grpc::Status& status, const char* call) {
  using enum ::grpc::StatusCode;
  if (status.ok() || status.error_code() == UNAVAILABLE || status.error_code() == CANCELLED ||
      status.error_code() == ABORTED) {
    return;
  }
  fmt::print(stderr, "{} ended with {}: {}\n", call, static_cast<int>(status.error_code()),
             status.error_message());
  std::_Exit(1);
}

}  // namespace

LoadSite::AttendCall::AttendCall(std::shared_ptr<LoadSite> site,
                                 const std::shared_ptr<::grpc::Channel>& channel)
    : site_(std::move(site)), stub_(v1::Federation::NewStub(channel)) {
  ++site_->shared().open_calls;
  stub_->async()->Attend(&context_, this);
}

void LoadSite::AttendCall::Start(v1::SiteFrame hello) {
  Send(std::move(hello));
  StartRead(&incoming_);
  AddHold();  // Send comes from any thread, until ended_
  StartCall();
}

void LoadSite::AttendCall::Send(v1::SiteFrame frame) {
  MutexLock lock(mutex_);
  if (ended_) return;
  outgoing_.push_back(std::move(frame));
  if (!writing_) WriteNextLocked();
}

void LoadSite::AttendCall::WriteNextLocked() {
  written_ = std::move(outgoing_.front());
  outgoing_.pop_front();
  writing_ = true;
  StartWrite(&written_);
}

void LoadSite::AttendCall::OnReadDone(bool ok) {
  if (ok) {
    site_->OnFrame(incoming_);
    return StartRead(&incoming_);
  }
  {
    MutexLock lock(mutex_);
    ended_ = true;
  }
  RemoveHold();
}

void LoadSite::AttendCall::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (ok && !ended_ && !outgoing_.empty()) WriteNextLocked();
}

void LoadSite::AttendCall::OnDone(const ::grpc::Status& status) {
  if (!site_->shared().stopping) CheckEnd(status, "Attend");
  site_->OnLost();
  --site_->shared().open_calls;
  delete this;
}

LoadSite::FetchCall::FetchCall(std::shared_ptr<LoadSite> site,
                               const std::shared_ptr<::grpc::Channel>& channel, Done done)
    : site_(std::move(site)), done_(std::move(done)), stub_(channel) {
  ++site_->shared().open_calls;
}

void LoadSite::FetchCall::Start(const wire::FetchRequest& request) {
  request_ = BufferOf(wire::ToProto(request).SerializeAsString());
  stub_.PrepareBidiStreamingCall(&context_, kFetchMethod, {}, this);
  StartWriteLast(&request_, {});
  StartRead(&incoming_);
  StartCall();
}

void LoadSite::FetchCall::OnReadDone(bool ok) {
  if (!ok) return;
  std::vector<::grpc::Slice> slices;
  CN_CHECK(incoming_.Dump(&slices).ok());
  std::vector<ByteSpan> views;
  for (const ::grpc::Slice& slice : slices) {
    views.push_back(std::as_bytes(std::span(slice.begin(), slice.size())));
  }
  const wire::ParsedChunk chunk = Must(wire::ParseChunk(views));
  site_->shared().bytes_fetched += chunk.payload_bytes;
  for (const ByteSpan part : chunk.payload) {
    if (kept_.size() + part.size() > kKeptBytes) break;
    kept_.insert(kept_.end(), part.begin(), part.end());
  }
  StartRead(&incoming_);
}

void LoadSite::FetchCall::OnDone(const ::grpc::Status& status) {
  CheckEnd(status, "Fetch");
  if (status.ok()) done_(std::move(kept_));
  --site_->shared().open_calls;
  delete this;
}

LoadSite::SubmitCall::SubmitCall(std::shared_ptr<LoadSite> site,
                                 const std::shared_ptr<::grpc::Channel>& channel,
                                 std::shared_ptr<const Update> update)
    : site_(std::move(site)), update_(std::move(update)), stub_(channel) {
  ++site_->shared().open_calls;
}

void LoadSite::SubmitCall::Start() {
  stub_.PrepareBidiStreamingCall(&context_, kSubmitMethod, {}, this);
  const ::grpc::Slice first =
      SliceOf(wire::EncodeChunkPrefix(wire::ChunkHeaderOf(update_->header), 0));
  {
    MutexLock lock(mutex_);
    written_ = ByteBuffer(&first, 1);
    StartWrite(&written_);
  }
  StartRead(&incoming_);
  StartCall();
}

void LoadSite::SubmitCall::WriteNextLocked() {
  if (writing_ || !begun_ || sent_ >= send_until_) return;
  const size_t piece = std::min<uint64_t>(kSendPieceBytes, send_until_ - sent_);
  wire::ChunkHeader header;
  header.offset = sent_;
  std::vector<::grpc::Slice> slices = {SliceOf(wire::EncodeChunkPrefix(header, piece))};
  const uint64_t end = sent_ + piece;
  const uint64_t head = update_->head.size();
  if (sent_ < head) {
    slices.push_back(ViewOf(ByteSpan(update_->head).subspan(sent_, std::min(head, end) - sent_)));
  }
  if (end > head) {
    const uint64_t from = std::max(sent_, head);
    slices.push_back(ViewOf(ByteSpan(update_->step->payload).subspan(from - head, end - from)));
  }
  written_ = ByteBuffer(slices.data(), slices.size());
  sent_ = end;
  site_->shared().bytes_sent += piece;
  writing_ = true;
  StartWrite(&written_);
}

void LoadSite::SubmitCall::OnReadDone(bool ok) {
  if (!ok) return;
  ::grpc::Slice whole;
  CN_CHECK(incoming_.DumpToSingleSlice(&whole).ok());
  v1::SubmitReply reply;
  CN_CHECK(reply.ParseFromArray(whole.begin(), static_cast<int>(whole.size())));
  {
    MutexLock lock(mutex_);
    if (!begun_) sent_ = reply.written();
    begun_ = true;
    send_until_ = reply.send_until();
    receipted_ = receipted_ || reply.has_receipt();
    WriteNextLocked();
  }
  if (reply.has_receipt()) {
    site_->shared().bytes_accepted += update_->header.bytes;
    site_->shared().options.on_event(LoadEvent::kReceipted, update_->header.key.step);
  }
  StartRead(&incoming_);
}

void LoadSite::SubmitCall::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (ok) WriteNextLocked();
}

void LoadSite::SubmitCall::OnDone(const ::grpc::Status& status) {
  bool receipted = false;
  {
    MutexLock lock(mutex_);
    receipted = receipted_;
  }
  if (!receipted) CheckEnd(status, "Submit");
  --site_->shared().open_calls;
  delete this;
}

}  // namespace consilium::bench
