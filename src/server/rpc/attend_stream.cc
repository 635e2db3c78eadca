#include "server/rpc/attend_stream.h"

#include <utility>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/wire/messages_proto.h"
#include "fmt/format.h"
#include "server/rpc/refusal.h"

namespace consilium::server::rpc {
namespace {

::grpc::Status Left() { return {::grpc::StatusCode::CANCELLED, "the site left"}; }

}  // namespace

AttendStream::AttendStream(Shared shared, ::grpc::CallbackServerContext& context, SiteId site,
                           std::shared_ptr<CallCaps::Ticket> ticket)
    : federation_(shared.federation),
      pool_(shared.pool),
      intake_(shared.intake),
      context_(context),
      site_(std::move(site)),
      ticket_(std::move(ticket)) {}

void AttendStream::Start(std::chrono::milliseconds hello_timeout) {
  self_ = shared_from_this();
  hello_timer_.Set(std::chrono::system_clock::now() + hello_timeout,
                   [weak = weak_from_this()](bool fired) {
                     const auto self = weak.lock();  // the alarm keeps this function
                     if (fired && self) self->OnHelloTimeout();
                   });
  StartRead(&incoming_);
}

void AttendStream::OnHelloTimeout() {
  MutexLock lock(mutex_);
  if (greeted_ || ended_) return;
  EndLocked(Refuse("Attend",
                   Error(ErrorCode::kProtocol, "no hello came, want one as the first message"),
                   site_.value()));
}

void AttendStream::OnReadDone(bool ok) {
  if (!ok) {
    MutexLock lock(mutex_);
    return EndLocked(::grpc::Status::OK);  // the site closed its side, or is gone
  }
  if (const absl::Status heard = Hear(incoming_); !heard.ok()) return Close(heard);
}

// Starts the next read itself, where one may follow.
absl::Status AttendStream::Hear(const v1::SiteFrame& frame) {
  CN_ASSIGN_OR_RETURN(wire::FromSite said, wire::FromProto(frame));
  const Epoch epoch = this->epoch();
  auto* hello = std::get_if<wire::Hello>(&said);
  if ((epoch == Epoch(0)) != (hello != nullptr)) {
    return Error(ErrorCode::kProtocol,
                 "want a hello as the first message of a stream, and only then");
  }
  if (hello != nullptr) return TakeHello(std::move(*hello));
  if (auto* update = std::get_if<wire::StreamedUpdate>(&said)) {
    TakeUpdate(std::move(*update), epoch);
    return absl::OkStatus();
  }
  // Another kind is from a newer site, and not for us.
  if (const auto* message = std::get_if<wire::SiteMessage>(&said)) {
    CN_RETURN_IF_ERROR(federation_.OnMessage(site_, epoch, *message));
  }
  StartRead(&incoming_);
  return absl::OkStatus();
}

void AttendStream::TakeUpdate(wire::StreamedUpdate update, Epoch epoch) {
  intake_.Take({site_, epoch, std::move(update),
                [self = shared_from_this()](const wire::UpdateReply& reply) {
                  self->Queue(wire::ToProto(reply));
                  MutexLock lock(self->mutex_);
                  if (!self->ended_) self->StartRead(&self->incoming_);
                }});
}

absl::Status AttendStream::TakeHello(wire::Hello hello) {
  {
    MutexLock lock(mutex_);
    greeted_ = true;
  }
  hello_timer_.Cancel();
  // On a worker: the epoch is made durable before the Welcome.
  const bool queued =
      pool_.TryRun([self = shared_from_this(), hello = std::move(hello)] { self->Greet(hello); });
  return queued ? absl::OkStatus() : Overloaded();
}

void AttendStream::Greet(const wire::Hello& hello) {
  auto welcome = federation_.Attend(site_, hello, shared_from_this());
  if (!welcome.ok()) return Close(welcome.status());
  welcome->capabilities.emplace_back(wire::kUpdateInStream);
  Log(Level::kInfo, "site attends",
      {{"site", site_.value()}, {"epoch", welcome->epoch.value()}, {"version", hello.version}});
  bool ended = false;
  {
    MutexLock lock(mutex_);
    epoch_ = welcome->epoch;
    ended = ended_;
    if (!ended) {
      outgoing_.push_front(wire::ToProto(*welcome));
      outgoing_bytes_ += outgoing_.front().ByteSizeLong();
      if (!writing_) WriteNextLocked();
      StartRead(&incoming_);
    }
  }
  // OnDone may have come before it knew the epoch.
  if (ended) federation_.Leave(site_, welcome->epoch);
}

void AttendStream::Send(const wire::ServerMessage& message) { Queue(wire::ToProto(message)); }

void AttendStream::Queue(v1::ServerFrame frame) {
  MutexLock lock(mutex_);
  if (ended_) return;
  // A site that reads slowly fetches its states, which only then need room here.
  if (frame.has_offer() && outgoing_bytes_ > kMaxOutgoingBytes / 2) {
    frame.mutable_offer()->clear_inline_state();
  }
  const size_t bytes = frame.ByteSizeLong();
  const bool full = outgoing_.size() >= kMaxOutgoingFrames ||
                    (!outgoing_.empty() && outgoing_bytes_ + bytes > kMaxOutgoingBytes);
  if (full) {
    EndLocked(Refuse("Attend", Error(ErrorCode::kOverloaded, "the site does not read its messages"),
                     site_.value()));
    context_.TryCancel();  // the write under way may never end
    return;
  }
  outgoing_.push_back(std::move(frame));
  outgoing_bytes_ += bytes;
  if (epoch_ != Epoch(0) && !writing_) WriteNextLocked();
}

void AttendStream::Close(const absl::Status& why) {
  MutexLock lock(mutex_);
  if (!ended_) EndLocked(Refuse("Attend", why, site_.value()));
}

void AttendStream::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (ended_) return Finish(end_);
  if (!ok) return EndLocked(Left());
  if (!outgoing_.empty()) WriteNextLocked();
}

void AttendStream::OnCancel() {
  MutexLock lock(mutex_);
  EndLocked(Left());
}

void AttendStream::OnDone() {
  ticket_.reset();
  hello_timer_.Cancel();
  if (const Epoch epoch = this->epoch(); epoch != Epoch(0)) {
    Log(Level::kInfo, "site left", {{"site", site_.value()}, {"epoch", epoch.value()}});
    federation_.Leave(site_, epoch);
  }
  self_.reset();
}

void AttendStream::WriteNextLocked() {
  written_ = std::move(outgoing_.front());
  outgoing_.pop_front();
  outgoing_bytes_ -= written_.ByteSizeLong();
  writing_ = true;
  StartWrite(&written_);
}

void AttendStream::EndLocked(::grpc::Status status) {
  if (ended_) return;
  ended_ = true;
  end_ = std::move(status);
  outgoing_.clear();
  outgoing_bytes_ = 0;
  if (!writing_) Finish(end_);  // else when the write has ended
}

Epoch AttendStream::epoch() const {
  MutexLock lock(mutex_);
  return epoch_;
}

}  // namespace consilium::server::rpc
