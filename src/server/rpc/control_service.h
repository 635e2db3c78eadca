// consilium.v1.Control: what researchers, operators and auditors ask.
//
// Each handler authenticates first (rpc/authenticator.h: the type Authenticated is the proof), then
// calls the coordinator on a worker and converts its plain values. A researcher may cancel only
// jobs of their own; everything else is the access table's. Thread-safe. The references outlive the
// service; the service outlives its server's Shutdown.
#ifndef CONSILIUM_SERVER_RPC_CONTROL_SERVICE_H_
#define CONSILIUM_SERVER_RPC_CONTROL_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/authenticator.h"
#include "consilium/v1/control.grpc.pb.h"
#include "server/round/coordinator.h"
#include "server/rpc/download_budget.h"
#include "server/rpc/watch_stream.h"
#include "server/rpc/worker_pool.h"

namespace consilium::server::rpc {

inline constexpr uint64_t kMaxModelBytes = uint64_t{1} << 30;
inline constexpr int kMaxModelUploads = 2;  // at once; each holds its bytes in memory
inline constexpr size_t kMaxWatchers = 1024;

class ControlService final : public v1::Control::CallbackService {
 public:
  ControlService(round::Coordinator& coordinator,
                 const consilium::rpc::Authenticator& authenticator, WorkerPool& pool,
                 DownloadBudget& downloads);

  ::grpc::ServerUnaryReactor* SubmitJob(::grpc::CallbackServerContext* context,
                                        const v1::SubmitJobRequest* request,
                                        v1::SubmitJobReply* reply) override;
  ::grpc::ServerUnaryReactor* ListJobs(::grpc::CallbackServerContext* context,
                                       const v1::ListJobsRequest* request,
                                       v1::ListJobsReply* reply) override;
  ::grpc::ServerUnaryReactor* GetJob(::grpc::CallbackServerContext* context,
                                     const v1::GetJobRequest* request, v1::JobView* reply) override;
  ::grpc::ServerWriteReactor<v1::WatchJobReply>* WatchJob(
      ::grpc::CallbackServerContext* context, const v1::WatchJobRequest* request) override;
  ::grpc::ServerUnaryReactor* CancelJob(::grpc::CallbackServerContext* context,
                                        const v1::CancelJobRequest* request,
                                        v1::JobView* reply) override;
  ::grpc::ServerUnaryReactor* ReplayJob(::grpc::CallbackServerContext* context,
                                        const v1::ReplayJobRequest* request,
                                        v1::ReplayJobReply* reply) override;
  ::grpc::ServerUnaryReactor* ListSites(::grpc::CallbackServerContext* context,
                                        const v1::ListSitesRequest* request,
                                        v1::ListSitesReply* reply) override;
  ::grpc::ServerWriteReactor<v1::ModelChunk>* GetModel(::grpc::CallbackServerContext* context,
                                                       const v1::GetModelRequest* request) override;
  ::grpc::ServerReadReactor<v1::ModelChunk>* PutModel(::grpc::CallbackServerContext* context,
                                                      v1::PutModelReply* reply) override;

  // Ends every watch, so that the server need not wait for those who only look on.
  void CloseWatches(const absl::Status& why);

 private:
  using Work = std::function<absl::Status(const consilium::rpc::Authenticated&)>;
  // Authenticates, then runs `work` on a worker and ends the call with its status.
  ::grpc::ServerUnaryReactor* Answer(::grpc::CallbackServerContext* context,
                                     consilium::rpc::Rpc rpc, Work work);

  round::Coordinator& coordinator_;
  const consilium::rpc::Authenticator& authenticator_;
  WorkerPool& pool_;
  DownloadBudget& downloads_;
  std::atomic<int> model_uploads_{0};
  Mutex mutex_;
  std::vector<std::weak_ptr<WatchStream>> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_CONTROL_SERVICE_H_
