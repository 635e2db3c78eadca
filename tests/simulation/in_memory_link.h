// The network between one Coordinator and its sites, in memory and seeded: the same methods that
// the gRPC adapters call, with delays, lost connections and repeats.
//
// Within one connection messages keep their order, as in a stream; between sites they do not. A
// connection that breaks loses what is on its way; site and server learn of it at different times,
// so the server may see a newer Attend before it hears that the older stream ended. Server messages
// may come twice, as they do when a server says again what it is not sure was heard.
// Fetch and Submit run to their end, or to a break, at one instant of simulated time.
// Not thread-safe. What is referenced outlives it.
#ifndef CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LINK_H_
#define CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LINK_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/session/site_session.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "server/round/coordinator.h"
#include "tests/simulation/event_queue.h"

namespace consilium::simulation {

// Chances are per message, or per piece of a transfer. All zero: a perfect network.
struct NetworkFaults {
  Duration most_delay{0};
  double break_connection = 0;
  double repeat_message = 0;
  size_t piece_bytes = 256 * 1024;  // of Fetch and Submit
};

class InMemoryLink {
 public:
  InMemoryLink(EventQueue& events, Random& random) : events_(events), random_(random) {}

  void SetFaults(const NetworkFaults& faults) { faults_ = faults; }
  // Null: the server is down. Connections break either way.
  void SetServer(server::round::Coordinator* server);
  // Null: the site is down. Its connection breaks; with a session it connects again.
  void SetSite(const SiteId& site, client::session::SiteSession* session);
  // Called with each message as the server sends it, and after each that a site has heard.
  void OnServerMessage(std::function<void(const SiteId&, const wire::ServerMessage&)> sent);
  void OnHeard(std::function<void(const SiteId&)> heard);

  void Break(const SiteId& site);
  bool connected(const SiteId& site) const;

 private:
  struct Connection;
  class Port;
  class SiteUplink;
  struct Node {
    client::session::SiteSession* session = nullptr;
    std::shared_ptr<Connection> connection;
    bool connecting = false;
  };

  bool Chance(double probability) { return probability > 0 && random_.Uniform() < probability; }
  Duration Delay();
  void Connect(const SiteId& site);
  void ConnectLater(const SiteId& site);
  void BreakConnection(const std::shared_ptr<Connection>& connection);
  void ToSite(const std::shared_ptr<Connection>& connection, const wire::ServerMessage& message);
  void ToServer(const std::shared_ptr<Connection>& connection, const wire::SiteMessage& message);
  // kConnectionLost once the connection is broken, or breaks now.
  absl::Status Carry(const std::shared_ptr<Connection>& connection);

  EventQueue& events_;
  Random& random_;
  NetworkFaults faults_;
  // Shared with every connection to it, so that none outlives it unaware.
  std::shared_ptr<server::round::Coordinator*> server_ =
      std::make_shared<server::round::Coordinator*>(nullptr);
  std::map<SiteId, Node> nodes_;
  std::function<void(const SiteId&, const wire::ServerMessage&)> on_server_message_;
  std::function<void(const SiteId&)> on_heard_;
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_IN_MEMORY_LINK_H_
