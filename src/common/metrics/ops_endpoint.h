// The ops port of a daemon: GET /livez, /readyz, /metrics over plain HTTP, and nothing else.
//
// It carries health and numbers, never data; other methods get 405, other paths 404. Loopback
// unless the configuration says otherwise. The HTTP library holds a thread per connection, so there
// are kOpsWorkers threads, no keep-alive, short time limits and small requests; more connections
// wait in the kernel's backlog. Thread-safe. The callbacks run on the endpoint's threads and must
// outlive it.
#ifndef CONSILIUM_COMMON_METRICS_OPS_ENDPOINT_H_
#define CONSILIUM_COMMON_METRICS_OPS_ENDPOINT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace consilium::metrics {

inline constexpr size_t kOpsWorkers = 2;
inline constexpr size_t kOpsPendingConnections = 16;
inline constexpr size_t kOpsMaxRequestBytes = 4096;

class OpsEndpoint {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    uint16_t port = 0;                     // 0: the system chooses
    std::function<absl::Status()> ready;   // its message becomes /readyz's body when not ok (503)
    std::function<std::string()> metrics;  // the text of one scrape
  };
  // Listens before it returns. kPortInUse, also when `host` is no address of this machine.
  static absl::StatusOr<std::unique_ptr<OpsEndpoint>> Start(Options options);
  ~OpsEndpoint();  // stops and joins

  uint16_t port() const;

 private:
  struct Parts;
  explicit OpsEndpoint(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace consilium::metrics

#endif  // CONSILIUM_COMMON_METRICS_OPS_ENDPOINT_H_
