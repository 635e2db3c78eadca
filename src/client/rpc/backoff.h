// How long to wait before trying again: doubling, capped, jittered, for ever.
//
// Delay k is uniform in [d/2, d], d = min(cap, base * 2^k). The jitter keeps a thousand sites from
// dialling a restarted server in the same second (a handshake costs it 2.5 ms of a core).
// Not thread-safe.
#ifndef CONSILIUM_CLIENT_RPC_BACKOFF_H_
#define CONSILIUM_CLIENT_RPC_BACKOFF_H_

#include "common/base/clock.h"
#include "common/base/random.h"

namespace consilium::client::rpc {

class Backoff {
 public:
  struct Options {
    Duration base = std::chrono::milliseconds(500);
    Duration cap = std::chrono::seconds(30);
  };
  Backoff(Options options, Random random)
      : options_(options), next_(options.base), random_(random) {}

  Duration Next() {
    const Duration whole = next_;
    next_ = whole > options_.cap / 2 ? options_.cap : whole * 2;
    const double share = 0.5 + 0.5 * random_.Uniform();
    return std::chrono::duration_cast<Duration>(whole * share);
  }
  void Reset() { next_ = options_.base; }

 private:
  const Options options_;
  Duration next_;
  Random random_;
};

}  // namespace consilium::client::rpc

#endif  // CONSILIUM_CLIENT_RPC_BACKOFF_H_
