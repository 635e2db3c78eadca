// Submit: one update on its way to disk.
//
//   site                                        server
//   Chunk {header: job, step, epoch, total,
//          digest; no payload}             ->
//                                          <-   SubmitReply {written, send_until}
//   Chunk {offset = written, payload} ...  ->   append; written moves on, send_until follows
//                                          <-   SubmitReply {written = total, receipt}
// A site may send up to `send_until`: a window that follows its line's rate (upload_window.h), out
// of one budget for all uploads (upload_budget.h). Bytes are taken as raw slices (no Protobuf copy)
// and written on a worker; the next chunk is read when the last one is written, so one chunk is in
// our hands at a time. `written` survives a kill of this process. A site that may send but does not
// for kUploadStall is cut off, so it cannot sit on the budget. Lifetime: held by shared_ptr (gRPC
// through `self_`, and tasks). What it holds of the budget goes back in the destructor, when no
// task of it can run any more.
#ifndef CONSILIUM_SERVER_RPC_UPLOAD_STREAM_H_
#define CONSILIUM_SERVER_RPC_UPLOAD_STREAM_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "common/metrics/counter.h"
#include "common/wire/chunk.h"
#include "common/wire/messages.h"
#include "consilium/v1/federation.pb.h"
#include "server/round/coordinator.h"
#include "server/rpc/call_caps.h"
#include "server/rpc/upload_budget.h"
#include "server/rpc/upload_window.h"
#include "server/rpc/worker_pool.h"

namespace consilium::server::rpc {

inline constexpr auto kUploadStall = std::chrono::seconds(30);

// What uploads share; outlives every one of them.
struct UploadShared {
  round::Coordinator& coordinator;
  WorkerPool& pool;
  const Clock& clock;
  UploadBudget budget;
  metrics::Counter bytes_received;
  std::atomic<uint64_t> open{0};
};

class UploadStream final : public ::grpc::ServerBidiReactor<::grpc::ByteBuffer, ::grpc::ByteBuffer>,
                           public std::enable_shared_from_this<UploadStream> {
 public:
  // `site` comes from the caller's certificate.
  UploadStream(UploadShared& shared, SiteId site, std::shared_ptr<CallCaps::Ticket> ticket);
  ~UploadStream() override;

  // Once, right after construction.
  void Start();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // On a worker, one at a time; each starts the next read where one may follow.
  void Handle();
  absl::Status HandleChunk();
  absl::Status HandleFirst(const wire::ParsedChunk& chunk);
  absl::Status HandlePayload(const wire::ParsedChunk& chunk);
  absl::Status Accept();
  absl::Status CheckEpoch() const;

  void Advance(uint64_t bytes);  // `written` moved: give back, ask again, tell the site
  void AskForMore();
  void ReadNext();
  void OnGranted(uint64_t bytes);
  void OnTimer();
  void ArmTimerLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const absl::Status& status);
  void EndLocked(::grpc::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  UploadShared& shared_;
  const SiteId site_;
  std::shared_ptr<CallCaps::Ticket> ticket_;  // until OnDone
  std::shared_ptr<UploadStream> self_;        // from Start to OnDone
  ::grpc::ByteBuffer incoming_;               // belongs to the read under way, then to Handle
  std::optional<wire::UploadHeader> header_;  // Handle only; set by the first chunk

  mutable Mutex mutex_;
  UploadWindow window_ ABSL_GUARDED_BY(mutex_);
  uint64_t written_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t send_until_ ABSL_GUARDED_BY(mutex_) = 0;
  bool asking_ ABSL_GUARDED_BY(mutex_) = false;  // a question to the budget is open
  bool reply_due_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<wire::Receipt> receipt_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  ::grpc::ByteBuffer reply_ ABSL_GUARDED_BY(mutex_);  // the write under way
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  ::grpc::Status end_ ABSL_GUARDED_BY(mutex_);     // once ended_
  bool handling_ ABSL_GUARDED_BY(mutex_) = false;  // a chunk is in our hands: not the site's stall
  std::pair<uint64_t, uint64_t> at_last_look_ ABSL_GUARDED_BY(mutex_);  // written, send_until
  std::unique_ptr<::grpc::Alarm> timer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_UPLOAD_STREAM_H_
