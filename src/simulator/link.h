// The line between a Coordinator and its sites in one process: nothing is lost, messages of a site
// keep their order, and each is heard at the same simulated instant, after what came before it.
//
// A connection ends only when it is told to; both sides hear of it then, and what was on its way is
// lost. Listeners hear what crosses, so that the owner can let work take its time.
// Not thread-safe. What is referenced outlives it.
#ifndef CONSILIUM_SIMULATOR_LINK_H_
#define CONSILIUM_SIMULATOR_LINK_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/session/site_session.h"
#include "common/wire/messages.h"
#include "server/round/coordinator.h"
#include "simulator/event_queue.h"

namespace consilium::simulator {

class Line;  // one connection

// Whoever lets sites work: told after a site has heard, or as it speaks.
class LineListener {
 public:
  virtual ~LineListener() = default;
  virtual void OnHeard(const SiteId& site, const wire::ServerMessage& message) = 0;
  virtual void OnSaid(const SiteId& site, const wire::SiteMessage& message) = 0;
  virtual void OnReceipt(const wire::Receipt& receipt) = 0;
};

class Link {
 public:
  Link(EventQueue& events, server::round::Coordinator& server, LineListener& listener)
      : events_(events), server_(server), listener_(listener) {}

  // Attends for the site and gives its session the uplink. The session outlives the line, or
  // Disconnect comes first. As Federation::Attend.
  absl::StatusOr<std::shared_ptr<Line>> Connect(const SiteId& site,
                                                client::session::SiteSession& session);
  void Disconnect(const std::shared_ptr<Line>& line);
  // As if the site's session said it.
  void Say(const std::shared_ptr<Line>& line, const wire::SiteMessage& message);

 private:
  friend class Line;
  EventQueue& events_;
  server::round::Coordinator& server_;
  LineListener& listener_;
};

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_LINK_H_
