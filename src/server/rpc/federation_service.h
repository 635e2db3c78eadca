// consilium.v1.Federation: what sites call. Thin: authenticate, then hand a stream to its reactor.
//
// Thread-safe. The references outlive the service; the service outlives its server's Shutdown.
#ifndef CONSILIUM_SERVER_RPC_FEDERATION_SERVICE_H_
#define CONSILIUM_SERVER_RPC_FEDERATION_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>

#include "common/rpc/authenticator.h"
#include "consilium/v1/federation.grpc.pb.h"
#include "server/round/coordinator.h"
#include "server/rpc/attend_stream.h"
#include "server/rpc/download_budget.h"
#include "server/rpc/update_intake.h"
#include "server/rpc/upload_stream.h"
#include "server/rpc/worker_pool.h"

namespace consilium::server::rpc {

// Fetch and Submit are raw: a chunk's payload stays in the slices it came in, or was read into.
using FederationBase =
    v1::Federation::WithCallbackMethod_Attend<v1::Federation::WithRawCallbackMethod_Fetch<
        v1::Federation::WithRawCallbackMethod_Submit<v1::Federation::Service>>>;

// Open calls of one site. It needs one of each; a few more are there while older ones end.
inline constexpr size_t kMaxCallsOfOneSite = 8;
// Open calls of one kind, of all sites.
inline constexpr size_t kMaxCallsOfAll = registry::kMaxSites;

class FederationService final : public FederationBase {
 public:
  struct Options {
    uint64_t upload_bytes = uint64_t{64} * 1024 * 1024;  // allowed and not written, all together
    std::chrono::milliseconds hello_timeout = kHelloTimeout;
  };
  FederationService(Options options, round::Coordinator& coordinator, const Clock& clock,
                    const consilium::rpc::Authenticator& authenticator, WorkerPool& pool,
                    DownloadBudget& downloads);

  ::grpc::ServerBidiReactor<v1::SiteFrame, v1::ServerFrame>* Attend(
      ::grpc::CallbackServerContext* context) override;
  ::grpc::ServerWriteReactor<::grpc::ByteBuffer>* Fetch(::grpc::CallbackServerContext* context,
                                                        const ::grpc::ByteBuffer* request) override;
  ::grpc::ServerBidiReactor<::grpc::ByteBuffer, ::grpc::ByteBuffer>* Submit(
      ::grpc::CallbackServerContext* context) override;

  // For metrics.
  uint64_t update_bytes() const { return uploads_.bytes_received.value(); }
  uint64_t open_uploads() const { return uploads_.open.load(); }

 private:
  const Options options_;
  round::Coordinator& coordinator_;
  const consilium::rpc::Authenticator& authenticator_;
  WorkerPool& pool_;
  DownloadBudget& downloads_;
  UploadShared uploads_;
  UpdateIntake intake_;
  CallCaps attends_;
  CallCaps fetches_;
  CallCaps submits_;
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_FEDERATION_SERVICE_H_
