#include "tests/simulation/in_memory_link.h"

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::simulation {
namespace {

constexpr Duration kReconnect = std::chrono::milliseconds(500);

absl::Status Lost() { return Error(ErrorCode::kConnectionLost, "the connection was lost"); }

}  // namespace

struct InMemoryLink::Connection {
  SiteId site;
  std::shared_ptr<server::round::Coordinator*> server;
  client::session::SiteSession* session = nullptr;
  Epoch epoch;
  bool broken = false;
  // Nothing overtakes within a direction.
  Instant last_to_site{};
  Instant last_to_server{};
};

class InMemoryLink::Port final : public server::registry::SitePort {
 public:
  Port(InMemoryLink& link, std::shared_ptr<Connection> connection)
      : link_(link), connection_(std::move(connection)) {}
  void Send(const wire::ServerMessage& message) override { link_.ToSite(connection_, message); }
  void Close(const absl::Status&) override { link_.BreakConnection(connection_); }

 private:
  InMemoryLink& link_;
  const std::shared_ptr<Connection> connection_;
};

class InMemoryLink::SiteUplink final : public client::session::Uplink {
 public:
  SiteUplink(InMemoryLink& link, std::shared_ptr<Connection> connection)
      : link_(link), connection_(std::move(connection)) {}

  void Send(const wire::SiteMessage& message) override { link_.ToServer(connection_, message); }

  absl::Status Fetch(const Digest& digest, uint64_t offset,
                     const std::function<absl::Status(ByteSpan)>& sink) override {
    CN_RETURN_IF_ERROR(link_.Carry(connection_));
    CN_RETURN_IF_ERROR(Server().federation().CheckEpoch(connection_->site, connection_->epoch));
    CN_ASSIGN_OR_RETURN(const auto file, Server().states().OpenForSite(digest));
    return ReadPieces(*file, offset, sink);
  }

  absl::StatusOr<wire::Receipt> Submit(const wire::UploadHeader& header, const FileReader& update,
                                       const std::function<void(uint64_t)>& on_written) override {
    CN_RETURN_IF_ERROR(link_.Carry(connection_));
    CN_RETURN_IF_ERROR(Server().federation().CheckEpoch(connection_->site, connection_->epoch));
    server::store::UpdateStore& updates = Server().updates();
    CN_ASSIGN_OR_RETURN(const auto position, updates.Begin(header));
    if (position.receipt) return *position.receipt;
    uint64_t written = position.written;
    CN_RETURN_IF_ERROR(ReadPieces(update, written, [&](ByteSpan piece) -> absl::Status {
      CN_ASSIGN_OR_RETURN(written, updates.Append(header.key, header.digest, written, piece));
      on_written(written);
      return absl::OkStatus();
    }));
    CN_ASSIGN_OR_RETURN(wire::Receipt receipt, updates.Finish(header.key, header.digest));
    Server().OnUpdateAccepted(header.key);
    CN_RETURN_IF_ERROR(link_.Carry(connection_));  // a receipt can be lost too
    return receipt;
  }

 private:
  server::round::Coordinator& Server() { return **connection_->server; }

  absl::Status ReadPieces(const FileReader& file, uint64_t offset,
                          const std::function<absl::Status(ByteSpan)>& sink) {
    Bytes piece(std::min<uint64_t>(link_.faults_.piece_bytes, file.size()));
    while (offset < file.size()) {
      CN_RETURN_IF_ERROR(link_.Carry(connection_));
      const auto part =
          std::span(piece).first(std::min<uint64_t>(piece.size(), file.size() - offset));
      CN_RETURN_IF_ERROR(file.ReadAt(offset, part));
      CN_RETURN_IF_ERROR(sink(part));
      offset += part.size();
    }
    return absl::OkStatus();
  }

  InMemoryLink& link_;
  const std::shared_ptr<Connection> connection_;
};

Duration InMemoryLink::Delay() {
  return Duration(
      static_cast<int64_t>(random_.Uniform() * static_cast<double>(faults_.most_delay.count())));
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

void InMemoryLink::OnServerMessage(
    std::function<void(const SiteId&, const wire::ServerMessage&)> sent) {
  on_server_message_ = std::move(sent);
}

void InMemoryLink::OnHeard(std::function<void(const SiteId&)> heard) {
  on_heard_ = std::move(heard);
}

bool InMemoryLink::connected(const SiteId& site) const {
  const auto found = nodes_.find(site);
  return found != nodes_.end() && found->second.connection != nullptr &&
         !found->second.connection->broken;
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
  auto connection = std::make_shared<Connection>();
  connection->site = site;
  connection->server = server_;
  connection->session = node.session;
  const auto welcome = (*server_)->federation().Attend(site, node.session->MakeHello(),
                                                       std::make_shared<Port>(*this, connection));
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

void InMemoryLink::BreakConnection(const std::shared_ptr<Connection>& connection) {
  if (std::exchange(connection->broken, true)) return;
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

absl::Status InMemoryLink::Carry(const std::shared_ptr<Connection>& connection) {
  if (!connection->broken && Chance(faults_.break_connection)) BreakConnection(connection);
  if (connection->broken || *connection->server == nullptr) return Lost();
  return absl::OkStatus();
}

void InMemoryLink::ToSite(const std::shared_ptr<Connection>& connection,
                          const wire::ServerMessage& message) {
  if (on_server_message_) on_server_message_(connection->site, message);
  if (connection->broken) return;
  const int copies = Chance(faults_.repeat_message) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const Instant now = events_.Now();
    const Instant at = std::max(now + Delay(), connection->last_to_site);
    connection->last_to_site = at;
    events_.After(at - now, [this, connection, message] {
      if (!Carry(connection).ok() || connection->session == nullptr) return;
      connection->session->OnMessage(message);
      if (on_heard_) on_heard_(connection->site);
    });
  }
}

void InMemoryLink::ToServer(const std::shared_ptr<Connection>& connection,
                            const wire::SiteMessage& message) {
  if (connection->broken) return;
  const Instant now = events_.Now();
  const Instant at = std::max(now + Delay(), connection->last_to_server);
  connection->last_to_server = at;
  events_.After(at - now, [this, connection, message] {
    if (!Carry(connection).ok()) return;
    const absl::Status heard =
        (*connection->server)->federation().OnMessage(connection->site, connection->epoch, message);
    if (!heard.ok()) BreakConnection(connection);  // fenced
  });
}

}  // namespace consilium::simulation
