#include "server/app/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/folder_lock.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/base/version.h"
#include "common/metrics/ops_endpoint.h"
#include "common/pki/tls_files.h"
#include "fmt/format.h"
#include "server/app/endpoints_file.h"
#include "server/ops/server_metrics.h"
#include "server/round/coordinator.h"
#include "server/rpc/rpc_server.h"

namespace consilium::server::app {
namespace {

// The certificate's federation, which the configuration may repeat but not contradict.
absl::StatusOr<std::string> FederationOf(const ServerConfig& config, const Clock& clock) {
  const pki::TlsFiles files{config.tls.cert, config.tls.key, config.tls.ca};
  CN_ASSIGN_OR_RETURN(const pki::TlsMaterial material, pki::LoadTlsFiles(files, clock));
  if (material.identity.role != pki::Role::kServer) {
    return Error(
        ErrorCode::kWrongRole,
        fmt::format("{} is for {}, want a server", config.tls.cert, material.identity.ToUri()),
        "issue one: consilium pki issue server NAME --host HOST");
  }
  if (!config.federation.empty() && config.federation != material.identity.federation) {
    return Error(ErrorCode::kConfigConflict,
                 fmt::format("[server] federation is {}, the certificate's is {}",
                             config.federation, material.identity.federation),
                 "leave the key out, or use a certificate of that federation");
  }
  return material.identity.federation;
}

// Everything that runs, destroyed last to first.
struct Running {
  SystemClock clock;
  PosixStorage storage;
  std::unique_ptr<FolderLock> lock;
  std::unique_ptr<round::Coordinator> coordinator;
  std::unique_ptr<rpc::RpcServer> rpc;
  std::unique_ptr<ops::ServerMetrics> metrics;
  std::atomic<bool> draining{false};
  std::unique_ptr<metrics::OpsEndpoint> ops;
};

rpc::RpcServer::Options RpcOptions(const ServerConfig& config, const std::string& federation) {
  rpc::RpcServer::Options options;
  options.transport.listen = config::HostPortText(config.listen);
  options.transport.tls.files = {config.tls.cert, config.tls.key, config.tls.ca};
  options.transport.tls.federation = federation;
  options.transport.tls.refresh =
      std::chrono::duration_cast<std::chrono::seconds>(config.tls_refresh);
  options.transport.transport_bytes = config.transport_bytes;
  options.federation = federation;
  options.upload_bytes = config.upload_bytes;
  return options;
}

ops::ServerMetrics::Source MetricsOf(Running& running) {
  round::Coordinator& coordinator = *running.coordinator;
  const rpc::RpcServer& rpc = *running.rpc;
  return {
      .version = kVersion,
      .list = [&] { return coordinator.List(); },
      .show = [&](const JobId& job, StepNumber after) { return coordinator.Show(job, after); },
      .sites = [&] { return coordinator.federation().Sites(); },
      .update_bytes = [&] { return rpc.update_bytes(); },
      .open_uploads = [&] { return rpc.open_uploads(); },
      .download_bytes = [&] { return rpc.download_bytes(); },
      .disk =
          [&] {
            ops::ServerMetrics::Disk disk{{}, coordinator.DiskHealth().ok()};
            for (const store::FileKind kind : store::kFileKinds) {
              disk.bytes.emplace_back(NameOf(kind), coordinator.disk().BytesOf(kind));
            }
            return disk;
          },
  };
}

absl::Status StartOps(const ServerConfig& config, Running& running) {
  if (!config.ops.listen) return absl::OkStatus();
  running.metrics = std::make_unique<ops::ServerMetrics>(MetricsOf(running));
  CN_ASSIGN_OR_RETURN(
      running.ops,
      metrics::OpsEndpoint::Start({.host = config.ops.listen->host,
                                   .port = config.ops.listen->port,
                                   .ready =
                                       [&running] {
                                         return running.draining
                                                    ? absl::UnavailableError("draining")
                                                    : running.coordinator->DiskHealth();
                                       },
                                   .metrics = [&running] { return running.metrics->Scrape(); }}));
  return absl::OkStatus();
}

absl::Status Start(const ServerConfig& config, Running& running) {
  CN_ASSIGN_OR_RETURN(const std::string federation, FederationOf(config, running.clock));
  CN_RETURN_IF_ERROR(running.storage.CreateFolder(config.data));
  CN_ASSIGN_OR_RETURN(running.lock, FolderLock::Take(config.data));
  CN_ASSIGN_OR_RETURN(running.coordinator,
                      round::Coordinator::Create(
                          {.folder = config.data,
                           .federation = federation,
                           .version = kVersion,
                           .accept_lease = config.accept_lease,
                           .progress_lease = config.progress_lease,
                           .keep = {config.keep_states, config.keep_sums_bytes, config.keep_jobs},
                           .max_disk_bytes = config.max_disk_bytes},
                          running.storage, running.clock));
  CN_ASSIGN_OR_RETURN(running.rpc, rpc::RpcServer::Start(RpcOptions(config, federation),
                                                         *running.coordinator, running.clock));
  CN_RETURN_IF_ERROR(StartOps(config, running));
  Endpoints endpoints{.listen = running.rpc->address(), .ops = ""};
  if (running.ops) {
    endpoints.ops = config::HostPortText({config.ops.listen->host, running.ops->port()});
  }
  Log(Level::kInfo, "serving",
      {{"listen", endpoints.listen},
       {"ops", endpoints.ops},
       {"federation", federation},
       {"data", config.data},
       {"version", kVersion}});
  return WriteEndpoints(running.storage, config.data, endpoints);
}

// False when the grace period is over, or a second signal asks to hurry.
bool WaitUntilDrained(const std::atomic<bool>& drained, Instant end, const StopSignals& signals,
                      const Clock& clock) {
  constexpr Duration kLook = std::chrono::milliseconds(20);
  while (!drained) {
    if (clock.Now() >= end || signals.WaitFor(kLook) != nullptr) return false;
  }
  return true;
}

// A step that is being committed, say, ends here in the middle. What is durable is a checkpoint at
// every moment (as for kill -9): the next start goes on from there.
[[noreturn]] void StopAtOnce() {
  Log(Level::kWarning, "stopped at once: the next start goes on from what is durable");
  std::_Exit(0);
}

}  // namespace

absl::Status CheckServer(const ServerConfig& config) {
  const SystemClock clock;
  CN_RETURN_IF_ERROR(FederationOf(config, clock).status());
  // The nearest folder that is there must let us write.
  std::filesystem::path folder = std::filesystem::absolute(config.data);
  std::error_code ignored;
  while (!std::filesystem::exists(folder, ignored) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return Error(ErrorCode::kStorageIo,
                 fmt::format("{} cannot be written, and the data folder {} is in it",
                             folder.string(), config.data),
                 "give the folder to the user that the server runs as");
  }
  return absl::OkStatus();
}

absl::Status RunServer(const ServerConfig& config, const StopSignals& signals) {
  Running running;
  CN_RETURN_IF_ERROR(Start(config, running));
  const char* signal = signals.Wait();
  const Instant end = running.clock.Now() + config.drain;
  Log(Level::kInfo, "draining", {{"signal", signal}, {"at_most", FormatDuration(config.drain)}});
  running.draining = true;
  std::atomic<bool> drained{false};
  std::thread drain([&] {
    running.coordinator->Drain();
    // A part of the grace period is left for what has to be cut.
    running.rpc->Stop(std::max(end - running.clock.Now(), Duration(0)) / 2);
    drained = true;
  });
  if (!WaitUntilDrained(drained, end, signals, running.clock)) StopAtOnce();
  drain.join();
  running.ops.reset();
  Log(Level::kInfo, "stopped");
  return absl::OkStatus();
}

}  // namespace consilium::server::app
