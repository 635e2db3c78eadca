// How long to wait before trying again: doubling, capped, jittered, for ever.
//
// Delay k is uniform in [d/2, d], d = min(cap, base * 2^k). Where the server said how long, it is
// uniform in [t, 2t], and no shorter than the other. The jitter keeps a thousand sites from
// dialling a restarted server in the same second (a handshake costs it 2.5 ms of a core). Not
// thread-safe.
#ifndef CONSILIUM_CLIENT_RPC_BACKOFF_H_
#define CONSILIUM_CLIENT_RPC_BACKOFF_H_

#include <algorithm>
#include <optional>

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

  Duration Next(std::optional<Duration> told = std::nullopt) {
    const Duration whole = next_;
    next_ = whole > options_.cap / 2 ? options_.cap : whole * 2;
    const Duration own = Part(whole, 0.5 + 0.5 * random_.Uniform());
    return told ? std::max(own, Part(*told, 1 + random_.Uniform())) : own;
  }
  void Reset() { next_ = options_.base; }

 private:
  static Duration Part(Duration whole, double share) {
    return std::chrono::duration_cast<Duration>(whole * share);
  }

  const Options options_;
  Duration next_;
  Random random_;
};

}  // namespace consilium::client::rpc

#endif  // CONSILIUM_CLIENT_RPC_BACKOFF_H_
