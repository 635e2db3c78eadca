// The network between one Coordinator and its sites, in memory and seeded: the same methods that
// the gRPC adapters call, with delays, losses, partitions, broken connections and repeats.
//
// Within one connection messages keep their order, as in a stream; between connections and sites
// they do not. A lost packet is sent again by TCP: what it carried, and all behind it, comes later;
// a packet that is lost too often ends the connection. A partition holds one direction or both; a
// connection that is held for kKeepalive ends, and none begins. Site and server learn of an end at
// different times, so the server may see a newer Attend before it hears that the older stream
// ended, and messages of an older connection may still come. Messages may come twice, as they do
// when a peer says again what it is not sure was heard. Not thread-safe. What is referenced
// outlives it.
#ifndef CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LINK_H_
#define CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LINK_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/session/site_session.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "server/round/coordinator.h"
#include "simulator/event_queue.h"
#include "simulator/transfer.h"
#include "tests/simulation/planted_bug.h"

namespace consilium::simulation {

using simulator::EventQueue;

inline constexpr Duration kKeepalive = std::chrono::seconds(20);

// Chances are per message, or per piece of a transfer. All zero: a perfect network.
struct NetworkFaults {
  Duration most_delay{0};
  double lose = 0;
  double break_connection = 0;
  double repeat_message = 0;
  size_t piece_bytes = 256 * 1024;  // of Fetch and Submit, at least
};

// Hears what crosses the network, as it is sent. Nothing is sent back from within.
class LinkListener {
 public:
  virtual ~LinkListener() = default;
  virtual void OnServerMessage(const SiteId& site, const wire::ServerMessage& message) = 0;
  virtual void OnSiteMessage(const SiteId& site, const wire::SiteMessage& message) = 0;
  virtual void OnReceipt(const wire::Receipt& receipt) = 0;
  // An upload begins, or goes on, at `written`; then the server has `written` bytes.
  virtual void OnUploadBegun(const wire::UploadHeader& header, uint64_t written) = 0;
  virtual void OnUploadWritten(const wire::UploadHeader& header, uint64_t written) = 0;
  // It was whole and not taken: what a torn write left in it, or the disk.
  virtual void OnUploadRefused(const wire::UploadHeader& header) = 0;
};

class InMemoryLink {
 public:
  InMemoryLink(EventQueue& events, Random& random) : events_(events), random_(random) {}

  void SetFaults(const NetworkFaults& faults) { faults_ = faults; }
  void SetListener(LinkListener& listener) { listener_ = &listener; }
  void SetBug(PlantedBug bug) { bug_ = bug; }
  // Null: the server is down. Connections break either way.
  void SetServer(server::round::Coordinator* server);
  // Null: the site is down. Its connection breaks; with a session it connects again.
  void SetSite(const SiteId& site, client::session::SiteSession* session);
  // Called after each message that a site has heard.
  void OnHeard(std::function<void(const SiteId&)> heard);
  // How a transfer lets time pass; without, transfers run to their end at one instant.
  void SetWait(std::function<void(Duration)> wait) { wait_ = std::move(wait); }

  void Break(const SiteId& site);
  // Holds what goes to the site, to the server, or both, for so long.
  void Hold(const SiteId& site, bool to_site, bool to_server, Duration length);
  bool connected(const SiteId& site) const;

 private:
  struct Connection;
  using ConnectionPtr = std::shared_ptr<Connection>;
  class Port;
  class Way;
  class SiteUplink;
  struct Node {
    client::session::SiteSession* session = nullptr;
    ConnectionPtr connection;
    bool connecting = false;
    Instant to_site_free{};
    Instant to_server_free{};
  };

  bool Chance(double probability) { return probability > 0 && random_.Uniform() < probability; }
  uint64_t PieceOf(uint64_t size) const;
  Duration Delay();
  // Delay of one message, with what TCP needs to send again what was lost; breaks the connection
  // when that was too often.
  Duration Carriage(const ConnectionPtr& connection);
  bool Held(const SiteId& site) const;
  void Connect(const SiteId& site);
  void ConnectLater(const SiteId& site);
  void BreakConnection(const ConnectionPtr& connection);
  void ToSite(const ConnectionPtr& connection, const wire::ServerMessage& message);
  void ToServer(const ConnectionPtr& connection, const wire::SiteMessage& message);
  void DeliverToSite(const ConnectionPtr& connection);
  void DeliverToServer(const ConnectionPtr& connection);
  bool Loses(const SiteId& site, const wire::ServerMessage& message) const;
  // A piece of a transfer: takes its time, waits while the site is held. kConnectionLost once the
  // connection is broken, or breaks now.
  absl::Status Carry(const ConnectionPtr& connection);

  EventQueue& events_;
  Random& random_;
  NetworkFaults faults_;
  LinkListener* listener_ = nullptr;
  PlantedBug bug_ = PlantedBug::kNone;
  // Shared with every connection to it, so that none outlives it unaware.
  std::shared_ptr<server::round::Coordinator*> server_ =
      std::make_shared<server::round::Coordinator*>(nullptr);
  std::map<SiteId, Node> nodes_;
  std::function<void(const SiteId&)> on_heard_;
  std::function<void(Duration)> wait_;
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LINK_H_
