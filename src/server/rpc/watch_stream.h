// WatchJob: a job as it is, then again after every change, until it has ended.
//
// Nothing queues: a change only sets a mark, and when the last frame has been taken the newest view
// is sent. A slow reader skips to the newest; steps it has not seen come all the same, since each
// frame holds every step later than those sent.
// Lifetime: held by shared_ptr (the coordinator's watcher, gRPC through `self_`, tasks).
#ifndef CONSILIUM_SERVER_RPC_WATCH_STREAM_H_
#define CONSILIUM_SERVER_RPC_WATCH_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "consilium/v1/control.pb.h"
#include "server/round/coordinator.h"
#include "server/rpc/worker_pool.h"

namespace consilium::server::rpc {

// A job of many steps and sites comes in several frames.
inline constexpr size_t kMaxWatchFrameBytes = size_t{4} * 1024 * 1024;

class WatchStream final : public ::grpc::ServerWriteReactor<v1::WatchJobReply>,
                          public std::enable_shared_from_this<WatchStream> {
 public:
  // Both references outlive the stream. Steps up to `after` are not sent.
  WatchStream(round::Coordinator& coordinator, WorkerPool& pool, JobId job, StepNumber after);

  // Once, right after construction.
  void Start();
  // Ends the stream with this status. Idempotent.
  void Close(const absl::Status& why);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void Register();
  void MarkChanged();
  void SendNewest();
  void ScheduleLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndLocked(::grpc::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves the view into frame_, at most kMaxWatchFrameBytes of steps; false when some were left.
  bool Fill(const jobs::JobView& view);

  round::Coordinator& coordinator_;
  WorkerPool& pool_;
  const JobId job_;
  std::shared_ptr<WatchStream> self_;  // from Start to OnDone

  Mutex mutex_;
  StepNumber sent_ ABSL_GUARDED_BY(mutex_);
  bool changed_ ABSL_GUARDED_BY(mutex_) = true;
  bool busy_ ABSL_GUARDED_BY(mutex_) = true;  // a task or a write is under way
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool last_ ABSL_GUARDED_BY(mutex_) = false;  // the frame under way is the last
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  ::grpc::Status end_ ABSL_GUARDED_BY(mutex_);  // once ended_
  uint64_t ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::WatchJobReply frame_;  // belongs to whoever made busy_ true
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_WATCH_STREAM_H_
