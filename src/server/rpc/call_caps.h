// How many calls of one kind may be open at once: of one peer, and of all together.
//
// gRPC bounds the streams of one connection; a peer may have several connections, and its caps are
// those of its certificate. Over a cap a call is refused by name (kOverloaded), with the time after
// which it may come back.
// Thread-safe. Every ticket goes before its CallCaps.
#ifndef CONSILIUM_SERVER_RPC_CALL_CAPS_H_
#define CONSILIUM_SERVER_RPC_CALL_CAPS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace consilium::server::rpc {

class CallCaps {
 public:
  struct Limits {
    size_t of_one;
    size_t of_all;
  };
  // Counts a call as open while it lives.
  class Ticket {
   public:
    Ticket(CallCaps& caps, std::string peer) : caps_(caps), peer_(std::move(peer)) {}
    ~Ticket() { caps_.GiveBack(peer_); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    CallCaps& caps_;
    const std::string peer_;
  };

  // `what` names the calls in errors: "uploads".
  CallCaps(std::string what, Limits limits) : what_(std::move(what)), limits_(limits) {}

  absl::StatusOr<std::shared_ptr<Ticket>> Take(const std::string& peer);
  size_t open() const;

 private:
  void GiveBack(const std::string& peer);

  const std::string what_;
  const Limits limits_;
  mutable Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, size_t> of_peer_ ABSL_GUARDED_BY(mutex_);  // none at zero
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_CALL_CAPS_H_
