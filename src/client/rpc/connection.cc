#include "client/rpc/connection.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "client/rpc/grpc_uplink.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/retry_after.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/rpc/channel.h"
#include "common/wire/messages_proto.h"
#include "fmt/format.h"

namespace consilium::client::rpc {
namespace {

constexpr Duration kWriterLook = std::chrono::seconds(30);  // how often it looks for stalled calls

Random JitterSource() {
  Digest key;
  crypto::FillRandom(std::as_writable_bytes(std::span(key.bytes)));
  return Random(key);
}

}  // namespace

struct Connection::Attendance {
  std::shared_ptr<GrpcUplink> uplink;
  ::grpc::ClientContext context;
  std::unique_ptr<::grpc::ClientReaderWriter<v1::SiteFrame, v1::ServerFrame>> stream;
  Instant welcome_by;
  std::atomic<bool> welcomed{false};
  std::atomic<bool> too_late{false};
};

Connection::Connection(Options options, session::SiteSession& session, const Clock& clock)
    : options_(std::move(options)),
      session_(session),
      clock_(clock),
      backoff_(options_.backoff, JitterSource()),
      status_(absl::UnavailableError("not connected yet")) {}

void Connection::Run() {
  for (;;) {
    const Instant began = clock_.Now();
    const absl::Status ended = Attempt();
    if (clock_.Now() - began > options_.backoff.cap) backoff_.Reset();
    Note(ended);
    if (!Rest(backoff_.Next(RetryAfterOf(ended)))) return;
  }
}

void Connection::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.NotifyAll();
  if (uplink_ != nullptr) uplink_->Close();
}

bool Connection::Rest(Duration delay) {
  const Instant until = clock_.Now() + delay;
  MutexLock lock(mutex_);
  while (!stopping_ && clock_.Now() < until) changed_.WaitUntil(mutex_, until);
  return !stopping_;
}

absl::Status Connection::status() const {
  MutexLock lock(mutex_);
  return status_;
}

void Connection::Note(const absl::Status& why) {
  const std::string reason = FormatError(why);
  {
    MutexLock lock(mutex_);
    status_ = why;
    if (stopping_ || std::exchange(noted_, reason) == reason) return;
  }
  LogStatus(Level::kWarning, "waiting for the server", why,
            {{"server", options_.server}, {"site", options_.site.value()}});
}

absl::Status Connection::Attempt() {
  CN_ASSIGN_OR_RETURN(auto channel,
                      consilium::rpc::MakeChannel(options_.server, options_.tls, clock_));
  Attendance one;
  one.uplink = std::make_shared<GrpcUplink>(
      GrpcUplink::Peer{std::move(channel), "the server at " + options_.server, options_.site},
      clock_, bytes_sent_);
  one.uplink->Bind(&one.context);
  {
    MutexLock lock(mutex_);
    if (stopping_) return absl::CancelledError("stopping");
    uplink_ = one.uplink;
  }
  one.stream = one.uplink->stub().Attend(&one.context);
  one.welcome_by = clock_.Now() + options_.welcome_timeout;
  std::thread writer([&] { Write(one); });
  absl::Status fault = Read(one);
  // A stream that ended by itself is not cancelled as well: that would hide why it ended.
  if (fault.ok()) one.uplink->Bind(nullptr);
  one.uplink->Close();
  writer.join();
  const ::grpc::Status end = one.stream->Finish();
  one.uplink->Bind(nullptr);
  {
    MutexLock lock(mutex_);
    uplink_ = nullptr;
  }
  if (one.welcomed) session_.OnDisconnected();
  if (!fault.ok()) return fault;
  if (one.too_late) {
    return Error(ErrorCode::kTimedOut,
                 fmt::format("the server at {} accepted the connection and did not welcome us "
                             "within {}",
                             options_.server, FormatDuration(options_.welcome_timeout)),
                 "nothing to do here: it is tried again; look at the server's log");
  }
  return one.uplink->EndOf(end.ok() ? ::grpc::Status::CANCELLED : end);
}

// Ok when the stream ended; else what was wrong with what it said.
absl::Status Connection::Read(Attendance& one) {
  for (v1::ServerFrame frame; one.stream->Read(&frame);) {
    CN_RETURN_IF_ERROR(OnFrame(one, frame));
  }
  return absl::OkStatus();
}

absl::Status Connection::OnFrame(Attendance& one, const v1::ServerFrame& frame) {
  CN_ASSIGN_OR_RETURN(const wire::FromServer said, wire::FromProto(frame));
  const auto* welcome = std::get_if<wire::Welcome>(&said);
  if ((welcome != nullptr) == one.welcomed) {
    return Error(ErrorCode::kProtocol,
                 "want a welcome as the server's first message, and only then");
  }
  if (welcome != nullptr) {
    one.uplink->Open(*welcome);
    one.welcomed = true;
    {
      MutexLock lock(mutex_);
      status_ = absl::OkStatus();
      noted_.clear();
    }
    Log(Level::kInfo, "connected",
        {{"server", options_.server},
         {"site", options_.site.value()},
         {"epoch", welcome->epoch.value()},
         {"server_version", welcome->version}});
    session_.OnWelcome(*welcome, one.uplink);
  } else if (const auto* reply = std::get_if<wire::UpdateReply>(&said)) {
    one.uplink->OnReply(*reply);
  } else if (const auto* message = std::get_if<wire::ServerMessage>(&said)) {
    session_.OnMessage(*message);
  }
  return absl::OkStatus();
}

void Connection::Write(Attendance& one) {
  if (!one.stream->Write(wire::ToProto(session_.MakeHello()))) return;
  while (!one.uplink->closed()) {
    const Instant now = clock_.Now();
    if (!one.welcomed && now >= one.welcome_by) {
      one.too_late = true;
      return one.uplink->Close();
    }
    const Instant look = now + kWriterLook;
    const auto message =
        one.uplink->NextMessage(one.welcomed ? look : std::min(look, one.welcome_by));
    if (message && !one.stream->Write(*message)) return;
    one.uplink->CutStalledCalls();
  }
}

}  // namespace consilium::client::rpc
