#include "server/rpc/rpc_server.h"

#include <grpcpp/grpcpp.h>

#include <array>
#include <chrono>
#include <utility>

#include "common/base/error.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "server/rpc/control_service.h"
#include "server/rpc/download_budget.h"
#include "server/rpc/federation_service.h"
#include "server/rpc/worker_pool.h"

namespace consilium::server::rpc {

// In the order of need: the server ends first, then the workers (a last task may still hold a
// stream), then the services that the streams are counted by.
struct RpcServer::Parts {
  Parts(const Options& options, round::Coordinator& coordinator, const Clock& clock)
      : authenticator(options.federation),
        downloads(options.download_bytes),
        federation({.upload_bytes = options.upload_bytes,
                    .hello_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(
                        options.hello_timeout)},
                   coordinator, clock, authenticator, pool, downloads),
        control(coordinator, authenticator, pool, downloads) {}

  const consilium::rpc::Authenticator authenticator;
  DownloadBudget downloads;
  FederationService federation;
  ControlService control;
  WorkerPool pool;
  consilium::rpc::RunningServer running;
  Mutex mutex;
  bool stopped ABSL_GUARDED_BY(mutex) = false;
};

RpcServer::RpcServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const Options& options,
                                                            round::Coordinator& coordinator,
                                                            const Clock& clock) {
  auto parts = std::make_unique<Parts>(options, coordinator, clock);
  const std::array<::grpc::Service*, 2> services = {&parts->federation, &parts->control};
  CN_ASSIGN_OR_RETURN(parts->running,
                      consilium::rpc::StartServer(options.transport, services, clock));
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(parts)));
}

RpcServer::~RpcServer() { Stop(Duration(0)); }

int RpcServer::port() const { return parts_->running.port; }
const std::string& RpcServer::address() const { return parts_->running.address; }
uint64_t RpcServer::update_bytes() const { return parts_->federation.update_bytes(); }
uint64_t RpcServer::open_uploads() const { return parts_->federation.open_uploads(); }
uint64_t RpcServer::download_bytes() const { return parts_->downloads.held(); }

void RpcServer::Stop(Duration patience) {
  {
    MutexLock lock(parts_->mutex);
    if (std::exchange(parts_->stopped, true)) return;
  }
  parts_->control.CloseWatches(Error(ErrorCode::kConnectionLost, "the server is stopping",
                                     "the job goes on when it is back: watch it again then"));
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(patience);
  parts_->running.server->Shutdown(std::chrono::system_clock::now() + whole);
  parts_->running.server->Wait();
}

}  // namespace consilium::server::rpc
