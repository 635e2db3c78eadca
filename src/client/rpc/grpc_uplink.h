// A site's uplink over gRPC: messages wait here for the Attend stream's writer; Fetch and Submit
// are calls of their own on the same connection.
//
// A small update travels whole in the Attend stream where the server takes that (Welcome); by a
// call where it does not, or answers that it did not take it. One uplink per Attend: Open gives it
// the epoch, Close ends it for good (the queue is dropped, calls under way are cancelled, later
// ones get kConnectionLost). Thread-safe; Fetch and Submit block their caller only.
#ifndef CONSILIUM_CLIENT_RPC_GRPC_UPLINK_H_
#define CONSILIUM_CLIENT_RPC_GRPC_UPLINK_H_

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "client/session/uplink.h"
#include "common/base/bounded_queue.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/metrics/counter.h"
#include "consilium/v1/federation.grpc.pb.h"

namespace consilium::client::rpc {

inline constexpr size_t kMaxOutgoingMessages = 4096;
inline constexpr size_t kSendPieceBytes = size_t{512} * 1024;
// A call that has not moved for this long is cut (the server may let an upload wait for its turn).
inline constexpr Duration kCallStall = std::chrono::minutes(5);

class GrpcUplink final : public session::Uplink {
 public:
  struct Peer {
    std::shared_ptr<::grpc::Channel> channel;
    std::string name;  // for errors: "the server at host:8443"
    SiteId site;
  };
  // `clock` and `bytes_sent` outlive this.
  GrpcUplink(Peer peer, const Clock& clock, metrics::Counter& bytes_sent);

  void Send(const wire::SiteMessage& message) override;
  absl::Status Fetch(const Digest& digest, uint64_t offset,
                     const std::function<absl::Status(ByteSpan)>& sink) override;
  absl::StatusOr<wire::Receipt> Submit(
      const wire::UploadHeader& header, const FileReader& update,
      const std::function<void(uint64_t written)>& on_written) override;

  v1::Federation::Stub& stub() { return *stub_; }
  // The Attend stream that Close is to cancel as well; nullptr before it goes.
  void Bind(::grpc::ClientContext* attend);
  void Open(const wire::Welcome& welcome);
  void Close();
  // The server's answer to an update that was sent in the stream.
  void OnReply(const wire::UpdateReply& reply);
  // A call's end as we see it: what the server said; kConnectionLost when this end cut it.
  absl::Status EndOf(const ::grpc::Status& status) const;
  // For the writer: the next message; nullopt at the deadline or after Close.
  std::optional<v1::SiteFrame> NextMessage(Instant deadline);
  bool closed() const { return outgoing_.closed(); }
  // Cuts calls that have not moved for kCallStall.
  void CutStalledCalls();

 private:
  class Call;
  // An update in the stream, until it is answered.
  struct Asked {
    wire::TaskKey key;
    Digest digest;
    std::optional<wire::UpdateReply> reply;
  };
  bool MayStream(const FileReader& update) const;
  // nullopt: not taken, or not answered in time; by a call, then.
  absl::StatusOr<std::optional<wire::Receipt>> SubmitInStream(const wire::UploadHeader& header,
                                                              const FileReader& update);
  std::optional<wire::UpdateReply> AwaitReply();
  absl::StatusOr<wire::Receipt> DriveUpload(const wire::UploadHeader& header,
                                            const FileReader& update, Call& call,
                                            const std::function<void(uint64_t)>& on_written);

  const Peer peer_;
  const Clock& clock_;
  metrics::Counter& bytes_sent_;
  const std::unique_ptr<v1::Federation::Stub> stub_;
  BoundedQueue<v1::SiteFrame> outgoing_;
  mutable Mutex mutex_;
  CondVar answered_;
  Epoch epoch_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool streams_ ABSL_GUARDED_BY(mutex_) = false;        // the server takes updates in the stream
  std::optional<Asked> asked_ ABSL_GUARDED_BY(mutex_);  // one at a time
  ::grpc::ClientContext* attend_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::map<::grpc::ClientContext*, Instant> calls_ ABSL_GUARDED_BY(mutex_);  // when each last moved
};

}  // namespace consilium::client::rpc

#endif  // CONSILIUM_CLIENT_RPC_GRPC_UPLINK_H_
