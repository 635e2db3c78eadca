// [limits] of client.toml, kept by the operating system: what a hospital's machine gives to
// training is bounded whatever a job asks for.
#ifndef CONSILIUM_CLIENT_APP_LIMITS_H_
#define CONSILIUM_CLIENT_APP_LIMITS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "client/session/site_session.h"

namespace consilium::client::app {

struct Limits {
  // Processors used at once: the process is bound to that many of those it may use, from a random
  // one on, so several daemons of one machine spread.
  std::optional<uint32_t> threads;
  // Of data (RLIMIT_DATA). A task that needs more fails with kDataTooLarge (KeepWithinMemory), not
  // the daemon.
  std::optional<uint64_t> memory_bytes;
};

// REQUIRES: no other thread runs yet. kConfigOutOfRange when the system refuses.
absl::Status ApplyLimits(const Limits& limits);

// `half`, with an allocation that fails turned into kDataTooLarge.
session::SiteHalf KeepWithinMemory(session::SiteHalf half);

// The same for reading datasets. `inner` outlives it.
class MemoryBoundSource final : public session::DatasetSource {
 public:
  explicit MemoryBoundSource(session::DatasetSource& inner) : inner_(inner) {}
  std::vector<std::string> Names() const override { return inner_.Names(); }
  absl::StatusOr<std::shared_ptr<const data::Dataset>> Load(
      const job::JobSpec& spec, const data::ReadProgress& progress) override;

 private:
  session::DatasetSource& inner_;
};

}  // namespace consilium::client::app

#endif  // CONSILIUM_CLIENT_APP_LIMITS_H_
