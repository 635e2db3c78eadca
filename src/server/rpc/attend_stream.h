// Attend: one site's standing stream, as a registry::SitePort.
//
//   site                               server
//   Hello (within kHelloTimeout)  ->
//                                 <-   Welcome (the epoch is durable by then)
//   messages                      <->  messages, until one side ends it
// A StreamedUpdate goes to the intake, and nothing more is read before it is answered: one at a
// time of a site is in our hands. What the federation sends before the Welcome waits behind it. The
// outgoing queue is bounded in frames and bytes; when a site does not read, the stream is cut and
// the site, once back, is told again. A Close flushes nothing: what matters is sent again after the
// next Attend. Thread-safe. Lifetime: held by shared_ptr (the federation's port, gRPC through
// `self_`, tasks).
#ifndef CONSILIUM_SERVER_RPC_ATTEND_STREAM_H_
#define CONSILIUM_SERVER_RPC_ATTEND_STREAM_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>

#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "consilium/v1/federation.pb.h"
#include "server/registry/federation.h"
#include "server/rpc/call_caps.h"
#include "server/rpc/update_intake.h"
#include "server/rpc/worker_pool.h"

namespace consilium::server::rpc {

inline constexpr auto kHelloTimeout = std::chrono::seconds(10);
inline constexpr size_t kMaxOutgoingFrames = 1024;
inline constexpr size_t kMaxOutgoingBytes = size_t{4} * 1024 * 1024;  // one frame may always wait

class AttendStream final : public ::grpc::ServerBidiReactor<v1::SiteFrame, v1::ServerFrame>,
                           public registry::SitePort,
                           public std::enable_shared_from_this<AttendStream> {
 public:
  struct Shared {  // outlives every stream
    registry::Federation& federation;
    WorkerPool& pool;
    UpdateIntake& intake;
  };
  // `context` outlives the stream. `site` comes from the caller's certificate.
  AttendStream(Shared shared, ::grpc::CallbackServerContext& context, SiteId site,
               std::shared_ptr<CallCaps::Ticket> ticket);

  // Once, right after construction. `hello_timeout` is kHelloTimeout but for tests.
  void Start(std::chrono::milliseconds hello_timeout);

  void Send(const wire::ServerMessage& message) override;
  void Close(const absl::Status& why) override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void OnHelloTimeout();
  absl::Status Hear(const v1::SiteFrame& frame);
  absl::Status TakeHello(wire::Hello hello);
  void Greet(const wire::Hello& hello);
  void TakeUpdate(wire::StreamedUpdate update, Epoch epoch);
  void Queue(v1::ServerFrame frame);
  void WriteNextLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndLocked(::grpc::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Epoch epoch() const;

  registry::Federation& federation_;
  WorkerPool& pool_;
  UpdateIntake& intake_;
  ::grpc::CallbackServerContext& context_;
  const SiteId site_;
  std::shared_ptr<CallCaps::Ticket> ticket_;  // until OnDone
  std::shared_ptr<AttendStream> self_;        // from Start to OnDone
  ::grpc::Alarm hello_timer_;
  v1::SiteFrame incoming_;  // belongs to the read under way

  mutable Mutex mutex_;
  bool greeted_ ABSL_GUARDED_BY(mutex_) = false;  // Hello came
  Epoch epoch_ ABSL_GUARDED_BY(mutex_);           // 0 until the Welcome
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  v1::ServerFrame written_ ABSL_GUARDED_BY(mutex_);  // the write under way
  std::deque<v1::ServerFrame> outgoing_ ABSL_GUARDED_BY(mutex_);
  size_t outgoing_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  ::grpc::Status end_ ABSL_GUARDED_BY(mutex_);  // once ended_
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_ATTEND_STREAM_H_
