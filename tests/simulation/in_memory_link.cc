#include "tests/simulation/in_memory_link.h"

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::simulation {
namespace {

constexpr Duration kReconnect = std::chrono::milliseconds(500);
constexpr Duration kFirstResend = std::chrono::milliseconds(200);  // doubles
constexpr int kMostResends = 7;
constexpr uint64_t kMostPieces = 8;  // of one transfer; each takes a while
constexpr Duration kHeldLook = std::chrono::milliseconds(500);  // a held transfer looks again

absl::Status Lost() { return Error(ErrorCode::kConnectionLost, "the connection was lost"); }

}  // namespace

struct InMemoryLink::Connection {
  SiteId site;
  std::shared_ptr<server::round::Coordinator*> server;
  client::session::SiteSession* session = nullptr;
  Epoch epoch;
  bool broken = false;
  bool late = false;  // broken, and what is on its way to the server still comes
  // One event each takes the first: nothing overtakes within a direction.
  std::deque<wire::ServerMessage> to_site;
  std::deque<wire::SiteMessage> to_server;
};

class InMemoryLink::Port final : public server::registry::SitePort {
 public:
  Port(InMemoryLink& link, ConnectionPtr connection)
      : link_(link), connection_(std::move(connection)) {}
  void Send(const wire::ServerMessage& message) override { link_.ToSite(connection_, message); }
  void Close(const absl::Status&) override { link_.BreakConnection(connection_); }

 private:
  InMemoryLink& link_;
  const ConnectionPtr connection_;
};

// What can happen on the way.
class InMemoryLink::Way final : public simulator::Passage {
 public:
  Way(InMemoryLink& link, ConnectionPtr connection)
      : link_(link), connection_(std::move(connection)) {}

  server::round::Coordinator* server() override { return *connection_->server; }
  absl::Status Carry() override { return link_.Carry(connection_); }
  uint64_t PieceOf(uint64_t bytes) const override { return link_.PieceOf(bytes); }
  bool GoesWhole(uint64_t) override { return link_.random_.Below(2) == 0; }
  void OnUpload(const wire::UploadHeader& header, simulator::UploadStage stage,
                uint64_t written) override {
    if (link_.listener_ == nullptr) return;
    switch (stage) {
      case simulator::UploadStage::kBegun:
        return link_.listener_->OnUploadBegun(header, written);
      case simulator::UploadStage::kWritten:
        return link_.listener_->OnUploadWritten(header, written);
      case simulator::UploadStage::kRefused:
        return link_.listener_->OnUploadRefused(header);
    }
  }

 private:
  InMemoryLink& link_;
  const ConnectionPtr connection_;
};

class InMemoryLink::SiteUplink final : public client::session::Uplink {
 public:
  SiteUplink(InMemoryLink& link, ConnectionPtr connection)
      : link_(link), connection_(std::move(connection)), way_(link_, connection_) {}

  void Send(const wire::SiteMessage& message) override { link_.ToServer(connection_, message); }

  absl::Status Fetch(const Digest& digest, uint64_t offset,
                     const std::function<absl::Status(ByteSpan)>& sink) override {
    return simulator::FetchState(way_, Self(), digest, offset, sink);
  }

  absl::StatusOr<wire::Receipt> Submit(const wire::UploadHeader& header, const FileReader& update,
                                       const std::function<void(uint64_t)>& on_written) override {
    absl::StatusOr<wire::Receipt> receipt =
        simulator::SubmitUpdate(way_, Self(), header, update, on_written);
    const bool closed = CodeOf(receipt.status()) == ErrorCode::kUpdateUnknownTask;
    if (closed && link_.bug_ == PlantedBug::kAcceptAfterClose) {
      receipt = wire::Receipt{header.key, header.digest, "", {}};
    }
    if (!receipt.ok()) return receipt;
    if (link_.listener_ != nullptr) link_.listener_->OnReceipt(*receipt);
    CN_RETURN_IF_ERROR(link_.Carry(connection_));  // a receipt can be lost too
    return receipt;
  }

 private:
  simulator::Caller Self() const { return {connection_->site, connection_->epoch}; }

  InMemoryLink& link_;
  const ConnectionPtr connection_;
  Way way_;
};

uint64_t InMemoryLink::PieceOf(uint64_t size) const {
  return std::min(std::max<uint64_t>(faults_.piece_bytes, size / kMostPieces), size);
}

Duration InMemoryLink::Delay() {
  return Duration(
      static_cast<int64_t>(random_.Uniform() * static_cast<double>(faults_.most_delay.count())));
}

Duration InMemoryLink::Carriage(const ConnectionPtr& connection) {
  Duration delay = Delay(), resend = kFirstResend;
  int lost = 0;
  while (Chance(faults_.lose) && lost < kMostResends) {
    ++lost;
    delay += std::exchange(resend, 2 * resend);
  }
  if (lost == kMostResends) BreakConnection(connection);
  return delay;
}

void InMemoryLink::SetServer(server::round::Coordinator* server) {
  *server_ = nullptr;
  for (auto& [site, node] : nodes_) {
    if (node.connection != nullptr) BreakConnection(node.connection);
  }
  server_ = std::make_shared<server::round::Coordinator*>(server);
  for (auto& [site, node] : nodes_) ConnectLater(site);
}

void InMemoryLink::SetSite(const SiteId& site, client::session::SiteSession* session) {
  Node& node = nodes_[site];
  if (node.connection != nullptr) {
    node.connection->session = nullptr;
    BreakConnection(node.connection);
    node.connection.reset();
  }
  node.session = session;
  ConnectLater(site);
}

void InMemoryLink::OnHeard(std::function<void(const SiteId&)> heard) {
  on_heard_ = std::move(heard);
}

bool InMemoryLink::connected(const SiteId& site) const {
  const auto found = nodes_.find(site);
  return found != nodes_.end() && found->second.connection != nullptr &&
         !found->second.connection->broken;
}

bool InMemoryLink::Held(const SiteId& site) const {
  const auto found = nodes_.find(site);
  return found != nodes_.end() && (found->second.to_site_free > events_.Now() ||
                                   found->second.to_server_free > events_.Now());
}

void InMemoryLink::Hold(const SiteId& site, bool to_site, bool to_server, Duration length) {
  Node& node = nodes_[site];
  const Instant until = events_.Now() + length;
  if (to_site) node.to_site_free = std::max(node.to_site_free, until);
  if (to_server) node.to_server_free = std::max(node.to_server_free, until);
  if (length < kKeepalive || node.connection == nullptr) return;
  events_.After(kKeepalive, [this, connection = node.connection] { BreakConnection(connection); });
}

void InMemoryLink::ConnectLater(const SiteId& site) {
  Node& node = nodes_[site];
  if (std::exchange(node.connecting, true)) return;
  events_.After(Delay() + (faults_.most_delay.count() > 0 ? kReconnect : Duration(0)),
                [this, site] {
                  nodes_[site].connecting = false;
                  Connect(site);
                });
}

void InMemoryLink::Connect(const SiteId& site) {
  Node& node = nodes_[site];
  if (node.session == nullptr || *server_ == nullptr || connected(site)) return;
  if (Held(site)) return ConnectLater(site);
  auto connection = std::make_shared<Connection>();
  connection->site = site;
  connection->server = server_;
  connection->session = node.session;
  wire::Hello hello = node.session->MakeHello();
  if (bug_ == PlantedBug::kLoseOutcome) hello.held.clear();
  const auto welcome =
      (*server_)->federation().Attend(site, hello, std::make_shared<Port>(*this, connection));
  if (!welcome.ok()) return ConnectLater(site);
  connection->epoch = welcome->epoch;
  if (connection->broken) return ConnectLater(site);
  node.connection = connection;
  node.session->OnWelcome(*welcome, std::make_shared<SiteUplink>(*this, connection));
  if (on_heard_) on_heard_(site);
}

void InMemoryLink::Break(const SiteId& site) {
  if (connected(site)) BreakConnection(nodes_[site].connection);
}

void InMemoryLink::BreakConnection(const ConnectionPtr& connection) {
  if (std::exchange(connection->broken, true)) return;
  connection->late = faults_.most_delay.count() > 0 && random_.Below(2) == 0;
  events_.After(Delay(), [this, connection] {
    if (connection->session != nullptr && nodes_[connection->site].connection == connection) {
      connection->session->OnDisconnected();
      ConnectLater(connection->site);
    }
  });
  // The server hears it now, later, or after the site is back.
  events_.After(Delay() * 3, [connection] {
    if (*connection->server == nullptr) return;
    (*connection->server)->federation().Leave(connection->site, connection->epoch);
  });
}

absl::Status InMemoryLink::Carry(const ConnectionPtr& connection) {
  const Duration delay = Carriage(connection);
  if (!connection->broken && Chance(faults_.break_connection)) BreakConnection(connection);
  if (wait_ && faults_.most_delay.count() > 0) wait_(delay);
  while (wait_ && !connection->broken && Held(connection->site)) wait_(kHeldLook);
  if (connection->broken || *connection->server == nullptr) return Lost();
  return absl::OkStatus();
}

// kLoseOutcome: every third.
bool InMemoryLink::Loses(const SiteId& site, const wire::ServerMessage& message) const {
  if (bug_ != PlantedBug::kLoseOutcome) return false;
  const auto* outcome = std::get_if<wire::Outcome>(&message);
  return outcome != nullptr && (outcome->step.value() + site.value().back()) % 3 == 0;
}

void InMemoryLink::ToSite(const ConnectionPtr& connection, const wire::ServerMessage& message) {
  if (connection->broken || Loses(connection->site, message)) return;
  if (listener_ != nullptr) listener_->OnServerMessage(connection->site, message);
  const int copies = Chance(faults_.repeat_message) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    connection->to_site.push_back(message);
    events_.After(Carriage(connection), [this, connection] { DeliverToSite(connection); });
  }
}

void InMemoryLink::DeliverToSite(const ConnectionPtr& connection) {
  if (connection->broken || connection->session == nullptr || connection->to_site.empty()) return;
  const Instant free = nodes_[connection->site].to_site_free;
  if (free > events_.Now()) {
    events_.After(free - events_.Now(), [this, connection] { DeliverToSite(connection); });
    return;
  }
  const wire::ServerMessage message = std::move(connection->to_site.front());
  connection->to_site.pop_front();
  if (Chance(faults_.break_connection)) return BreakConnection(connection);
  connection->session->OnMessage(message);
  if (on_heard_) on_heard_(connection->site);
}

void InMemoryLink::ToServer(const ConnectionPtr& connection, const wire::SiteMessage& message) {
  if (listener_ != nullptr) listener_->OnSiteMessage(connection->site, message);
  if (connection->broken) return;
  const int copies = Chance(faults_.repeat_message) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    connection->to_server.push_back(message);
    events_.After(Carriage(connection), [this, connection] { DeliverToServer(connection); });
  }
}

void InMemoryLink::DeliverToServer(const ConnectionPtr& connection) {
  if (connection->broken && !connection->late) return;
  if (*connection->server == nullptr || connection->to_server.empty()) return;
  const Instant free = nodes_[connection->site].to_server_free;
  if (free > events_.Now()) {
    events_.After(free - events_.Now(), [this, connection] { DeliverToServer(connection); });
    return;
  }
  const wire::SiteMessage message = std::move(connection->to_server.front());
  connection->to_server.pop_front();
  if (Chance(faults_.break_connection)) return BreakConnection(connection);
  const absl::Status heard =
      (*connection->server)->federation().OnMessage(connection->site, connection->epoch, message);
  if (!heard.ok()) BreakConnection(connection);  // fenced
}

}  // namespace consilium::simulation
