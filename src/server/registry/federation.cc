#include "server/registry/federation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/crash_point.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/retry_after.h"
#include "common/base/status_macros.h"

namespace consilium::server::registry {
namespace {

// What a site is told to wait. A handshake costs a core 2.5 ms: those who come back after a stop
// come over at least four times that.
constexpr Duration kReturnPerSite = std::chrono::milliseconds(10);
constexpr Duration kStoppingRetry = std::chrono::seconds(1);
constexpr Duration kFencedRetry = kLongestRetryAfter;
constexpr Duration kFullRest = std::chrono::seconds(30);

absl::Status Fenced(const SiteId& site, Epoch epoch) {
  return Error(ErrorCode::kFenced,
               fmt::format("site {}: epoch {} is not its newest", site.value(), epoch.value()));
}

// The transport has checked the bounds of a message; a hello from the in-memory link has them too.
absl::Status CheckHello(const wire::Hello& hello) {
  if (hello.protocol != wire::kProtocolVersion) {
    return Error(ErrorCode::kVersion, fmt::format("the site speaks protocol {}, want {}",
                                                  hello.protocol, wire::kProtocolVersion));
  }
  if (hello.datasets.size() > wire::kMaxDatasets) {
    return Error(ErrorCode::kProtocol, fmt::format("hello lists {} datasets, want at most {}",
                                                   hello.datasets.size(), wire::kMaxDatasets));
  }
  if (hello.capabilities.size() > wire::kMaxCapabilities) {
    return Error(ErrorCode::kProtocol,
                 fmt::format("hello lists {} capabilities, want at most {}",
                             hello.capabilities.size(), wire::kMaxCapabilities));
  }
  if (hello.held.size() > wire::kMaxHeldUpdates) {
    return Error(ErrorCode::kProtocol, fmt::format("hello lists {} held updates, want at most {}",
                                                   hello.held.size(), wire::kMaxHeldUpdates));
  }
  if (hello.store_id.empty() || hello.store_id.size() > wire::kMaxTextBytes) {
    return Error(ErrorCode::kProtocol, fmt::format("store_id has {} bytes, want 1 to {}",
                                                   hello.store_id.size(), wire::kMaxTextBytes));
  }
  return absl::OkStatus();
}

}  // namespace

Federation::Federation(Options options, SiteListener& listener, EpochLog& log, const Clock& clock)
    : options_(std::move(options)), listener_(listener), log_(log), clock_(clock) {}

void Federation::Restore(const SiteId& site, Epoch epoch, const std::string& store_id,
                         uint64_t process) {
  MutexLock lock(mutex_);
  Session& session = sessions_[site];
  session.status.site = site;
  session.status.store_id = store_id;
  session.status.process = process;
  if (session.reserved < epoch) session.reserved = session.status.epoch = epoch;
}

absl::StatusOr<Epoch> Federation::ReserveEpoch(const SiteId& site) {
  MutexLock lock(mutex_);
  CN_RETURN_IF_ERROR(closed_);
  if (!sessions_.contains(site) && sessions_.size() >= kMaxSites) {
    return WithRetryAfter(
        Error(ErrorCode::kOverloaded, fmt::format("{} sites are known, the most", kMaxSites)),
        kFullRest);
  }
  Session& session = sessions_[site];
  session.status.site = site;
  session.reserved = session.reserved.Next();
  return session.reserved;
}

Arrival Federation::ArrivalOf(const Session& session, Epoch epoch, const wire::Hello& hello) {
  if (epoch == Epoch(1)) return Arrival::kFirst;
  const uint64_t before = session.status.process;
  if (before != 0 && hello.process != 0 && before != hello.process) return Arrival::kRestarted;
  return session.was_here ? Arrival::kReconnected : Arrival::kWithServer;
}

absl::StatusOr<Federation::Installed> Federation::Install(const SiteId& site, Epoch epoch,
                                                          const wire::Hello& hello,
                                                          std::shared_ptr<SitePort> port) {
  MutexLock lock(mutex_);
  CN_RETURN_IF_ERROR(closed_);
  Session& session = sessions_[site];
  if (session.reserved != epoch) return Fenced(site, epoch);
  SiteStatus& status = session.status;
  const Arrival arrival = ArrivalOf(session, epoch, hello);
  session.was_here = true;
  status.process = hello.process;
  status.epoch = epoch;
  if (!status.store_id.empty() && status.store_id != hello.store_id) {
    status.store_changed = true;
    if (status.connected) ++status.contested;
  }
  status.connected = true;
  status.version = hello.version;
  status.datasets = hello.datasets;
  status.capabilities = hello.capabilities;
  status.store_id = hello.store_id;
  status.last_seen = clock_.UtcNow();
  return Installed{std::exchange(session.port, std::move(port)), arrival};
}

absl::StatusOr<wire::Welcome> Federation::Attend(const SiteId& site, const wire::Hello& hello,
                                                 std::shared_ptr<SitePort> port) {
  CN_RETURN_IF_ERROR(CheckHello(hello));
  CN_ASSIGN_OR_RETURN(const Epoch epoch, ReserveEpoch(site));
  CN_RETURN_IF_ERROR(log_.RecordEpoch(site, epoch, hello));
  CN_CRASH_POINT("epoch.journalled");
  CN_ASSIGN_OR_RETURN(const Installed installed, Install(site, epoch, hello, std::move(port)));
  if (installed.fenced != nullptr) {
    Log(Level::kWarning, "an older stream of the site is fenced",
        {{"site", site.value()}, {"epoch", epoch.value()}, {"store", hello.store_id}});
    installed.fenced->Close(WithRetryAfter(
        Error(ErrorCode::kFenced,
              fmt::format("site {} attends anew as epoch {}", site.value(), epoch.value()),
              "two clients run with this site's certificate: stop one of them (this one waits); if "
              "its machine was copied, issue another certificate"),
        kFencedRetry));
  }
  Log(Level::kInfo, "site attends",
      {{"site", site.value()}, {"epoch", epoch.value()}, {"version", hello.version}});
  listener_.OnAttend(site, hello, installed.arrival);
  return wire::Welcome{epoch, options_.version, options_.name, {}};
}

void Federation::Leave(const SiteId& site, Epoch epoch) {
  {
    MutexLock lock(mutex_);
    const auto found = sessions_.find(site);
    if (found == sessions_.end()) return;
    Session& session = found->second;
    if (session.status.epoch != epoch || !session.status.connected) return;
    session.status.connected = false;
    session.status.last_seen = clock_.UtcNow();
    session.port.reset();
  }
  Log(Level::kInfo, "site left", {{"site", site.value()}, {"epoch", epoch.value()}});
  listener_.OnLeave(site);
}

absl::Status Federation::CheckEpoch(const SiteId& site, Epoch epoch) const {
  MutexLock lock(mutex_);
  const auto found = sessions_.find(site);
  if (found == sessions_.end() || !found->second.status.connected ||
      found->second.status.epoch != epoch) {
    return Fenced(site, epoch);
  }
  return absl::OkStatus();
}

absl::Status Federation::OnMessage(const SiteId& site, Epoch epoch,
                                   const wire::SiteMessage& message) {
  {
    MutexLock lock(mutex_);
    const auto found = sessions_.find(site);
    if (found == sessions_.end() || !found->second.status.connected ||
        found->second.status.epoch != epoch) {
      return Fenced(site, epoch);
    }
    found->second.status.last_seen = clock_.UtcNow();
  }
  listener_.OnMessage(site, message);
  return absl::OkStatus();
}

bool Federation::SendTo(const SiteId& site, const wire::ServerMessage& message) {
  std::shared_ptr<SitePort> port;
  {
    MutexLock lock(mutex_);
    const auto found = sessions_.find(site);
    if (found == sessions_.end()) return false;
    port = found->second.port;
  }
  if (port == nullptr) return false;
  port->Send(message);
  return true;
}

bool Federation::IsCapable(const SiteId& site, std::string_view capability) const {
  MutexLock lock(mutex_);
  const auto found = sessions_.find(site);
  return found != sessions_.end() &&
         std::ranges::find(found->second.status.capabilities, capability) !=
             found->second.status.capabilities.end();
}

std::vector<SiteStatus> Federation::Sites() const {
  MutexLock lock(mutex_);
  std::vector<SiteStatus> sites;
  sites.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) sites.push_back(session.status);
  return sites;
}

void Federation::CloseAll(const absl::Status& why) {
  std::vector<std::shared_ptr<SitePort>> ports;
  absl::Status told = why.ok() ? Error(ErrorCode::kOverloaded, "the server is stopping") : why;
  {
    MutexLock lock(mutex_);
    for (auto& [id, session] : sessions_) {
      if (session.port != nullptr) ports.push_back(session.port);
    }
    told = WithRetryAfter(std::move(told),
                          std::max<Duration>(kStoppingRetry, kReturnPerSite * ports.size()));
    closed_ = told;
  }
  for (const std::shared_ptr<SitePort>& port : ports) port->Close(told);
}

}  // namespace consilium::server::registry
