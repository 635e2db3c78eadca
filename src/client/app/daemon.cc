#include "client/app/daemon.h"

#include <memory>
#include <thread>

#include "client/app/limits.h"
#include "client/rpc/connection.h"
#include "client/session/csv_source.h"
#include "client/session/site_session.h"
#include "client/train/site_half.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/folder_lock.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/base/version.h"
#include "common/learn/train_kernel.h"
#include "common/metrics/exposition.h"
#include "common/metrics/ops_endpoint.h"
#include "common/pki/tls_files.h"
#include "fmt/format.h"

namespace consilium::client::app {
namespace {

absl::StatusOr<pki::TlsMaterial> CheckIdentity(const ClientConfig& config, const Clock& clock) {
  const pki::TlsFiles files{config.tls.cert, config.tls.key, config.tls.ca};
  CN_ASSIGN_OR_RETURN(pki::TlsMaterial material, pki::LoadTlsFiles(files, clock));
  const pki::Identity& identity = material.identity;
  if (identity.role != pki::Role::kSite) {
    return Error(ErrorCode::kWrongRole,
                 fmt::format("{} is for {}, want a site", config.tls.cert, identity.ToUri()),
                 "issue one: consilium pki issue --folder PKI site NAME");
  }
  if (!config.site.empty() && config.site != identity.id) {
    return Error(
        ErrorCode::kConfigConflict,
        fmt::format("[client] site is {}, the certificate's is {}", config.site, identity.id),
        "the certificate decides: correct the key, or leave it out");
  }
  return material;
}

// Everything that runs, destroyed last to first.
struct Running {
  SystemClock clock;
  PosixStorage storage;
  std::unique_ptr<FolderLock> lock;
  std::unique_ptr<session::CsvSource> files;
  std::unique_ptr<MemoryBoundSource> datasets;
  std::unique_ptr<policy::Policy> policy;
  std::unique_ptr<session::SiteSession> session;
  std::unique_ptr<rpc::Connection> connection;
  std::unique_ptr<metrics::OpsEndpoint> ops;
};

// The site's own disk first: with it, nothing else would help.
absl::Status ReadyStatus(const Running& running) {
  if (absl::Status disk = running.session->disk(); !disk.ok()) return disk;
  return running.connection->status();
}

std::string Scrape(const Running& running) {
  metrics::Exposition out;
  out.Gauge("consilium_build_info", "The version that runs.", 1, {{"version", kVersion}});
  out.Gauge("consilium_site_connected", "1 while attending.",
            running.connection->status().ok() ? 1 : 0);
  out.Gauge("consilium_site_disk_ok", "0 while waiting for the site's own disk.",
            running.session->disk().ok() ? 1 : 0);
  out.Gauge("consilium_site_datasets", "Datasets of client.toml.",
            static_cast<double>(running.datasets->Names().size()));
  out.Counter("consilium_update_bytes_sent_total", "Bytes of updates sent.",
              static_cast<double>(running.connection->update_bytes_sent()));
  return out.Text();
}

absl::Status StartOps(const ClientConfig& config, Running& running) {
  if (!config.ops.listen) return absl::OkStatus();
  CN_ASSIGN_OR_RETURN(running.ops,
                      metrics::OpsEndpoint::Start({.host = config.ops.listen->host,
                                                   .port = config.ops.listen->port,
                                                   .ready = [&] { return ReadyStatus(running); },
                                                   .metrics = [&] { return Scrape(running); }}));
  Log(Level::kInfo, "ops port",
      {{"listen", config::HostPortText({config.ops.listen->host, running.ops->port()})}});
  return absl::OkStatus();
}

absl::Status Start(const ClientConfig& config, Running& running) {
  CN_ASSIGN_OR_RETURN(const pki::TlsMaterial material, CheckIdentity(config, running.clock));
  const SiteId site(material.identity.id);
  CN_RETURN_IF_ERROR(running.storage.CreateFolder(config.data));
  CN_ASSIGN_OR_RETURN(running.lock, FolderLock::Take(config.data));
  running.files = std::make_unique<session::CsvSource>(config.datasets, site);
  running.datasets = std::make_unique<MemoryBoundSource>(*running.files);
  running.policy = std::make_unique<policy::Policy>(config.policy);
  CN_ASSIGN_OR_RETURN(running.session, session::SiteSession::Create(
                                           {.site = site,
                                            .folder = config.data,
                                            .version = kVersion,
                                            .kernel = learn::TrainKernel(),
                                            .most_cached_bytes = config.cache_bytes,
                                            .checkpoint_interval = config.checkpoint},
                                           {running.storage, *running.datasets, *running.policy,
                                            running.clock, KeepWithinMemory(train::RunSiteHalf)}));
  rpc::Connection::Options options;
  options.server = config.server;
  options.tls.files = {config.tls.cert, config.tls.key, config.tls.ca};
  options.tls.federation = material.identity.federation;
  options.site = site;
  running.connection =
      std::make_unique<rpc::Connection>(std::move(options), *running.session, running.clock);
  CN_RETURN_IF_ERROR(StartOps(config, running));
  Log(Level::kInfo, "site ready",
      {{"site", site.value()},
       {"federation", material.identity.federation},
       {"server", config.server},
       {"datasets", config.datasets.size()},
       {"version", kVersion},
       {"kernel", learn::TrainKernel()}});
  return absl::OkStatus();
}

CheckLine LineOf(std::string what, const absl::Status& status, std::string finding) {
  return {std::move(what), status.ok() ? std::move(finding) : "", status};
}

absl::Status CheckDataset(const data::DatasetConfig& dataset) {
  const PosixStorage storage;
  return storage.OpenRead(dataset.path).status();
}

}  // namespace

absl::Status RunClient(const ClientConfig& config, const StopSignals& signals) {
  CN_RETURN_IF_ERROR(ApplyLimits({.threads = config.threads, .memory_bytes = config.memory_bytes}));
  Running running;
  CN_RETURN_IF_ERROR(Start(config, running));
  std::thread work([&] { running.session->Run(); });
  std::thread talk([&] { running.connection->Run(); });
  const char* signal = signals.Wait();
  Log(Level::kInfo, "draining", {{"signal", signal}});
  running.session->Drain();
  if (!running.session->WaitIdle(running.clock.Now() + config.drain)) {
    Log(Level::kInfo, "task put aside: it goes on after the next start");
  }
  running.session->Stop();
  running.connection->Stop();
  work.join();
  talk.join();
  running.ops.reset();
  Log(Level::kInfo, "stopped");
  return absl::OkStatus();
}

std::vector<CheckLine> CheckClient(const ClientConfig& config) {
  const SystemClock clock;
  std::vector<CheckLine> lines;
  const auto material = CheckIdentity(config, clock);
  lines.push_back(LineOf("certificate", material.status(),
                         material.ok() ? fmt::format("{}, until {}", material->identity.ToUri(),
                                                     FormatUtc(material->not_after))
                                       : ""));
  for (const data::DatasetConfig& dataset : config.datasets) {
    lines.push_back(LineOf("dataset " + dataset.name, CheckDataset(dataset), dataset.path));
  }
  for (const std::string& name : config.policy.datasets) {
    const bool known = std::any_of(config.datasets.begin(), config.datasets.end(),
                                   [&](const auto& dataset) { return dataset.name == name; });
    if (known) continue;
    lines.push_back(LineOf(
        "policy",
        Error(ErrorCode::kDatasetUnknown, fmt::format("[policy] datasets allows `{}`, which has "
                                                      "no [datasets.{}]",
                                                      name, name)),
        ""));
  }
  lines.push_back(LineOf("policy", absl::OkStatus(),
                         fmt::format("{} datasets, {} workloads, {} researchers allowed",
                                     config.policy.datasets.size(), config.policy.workloads.size(),
                                     config.policy.researchers.size())));
  return lines;
}

}  // namespace consilium::client::app
