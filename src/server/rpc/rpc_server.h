// The work port: both services over mutually authenticated TLS on one gRPC server.
//
// Thread-safe. References given to Start outlive it. Destroying it stops it.
#ifndef CONSILIUM_SERVER_RPC_RPC_SERVER_H_
#define CONSILIUM_SERVER_RPC_RPC_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/server_options.h"
#include "server/round/coordinator.h"

namespace consilium::server::rpc {

class RpcServer {
 public:
  struct Options {
    consilium::rpc::ServerOptions transport;
    std::string federation;  // the trust domain of every caller
    // Bytes of updates that may be under way (allowed by send_until and not written), all together.
    uint64_t upload_bytes = uint64_t{64} * 1024 * 1024;
    // Bytes of states that downloads hold in memory, all together.
    uint64_t download_bytes = uint64_t{64} * 1024 * 1024;
    Duration hello_timeout = std::chrono::seconds(10);
  };
  // Listens when it returns. Errors of consilium::rpc::StartServer (kPortInUse, ...).
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const Options& options,
                                                          round::Coordinator& coordinator,
                                                          const Clock& clock);
  ~RpcServer();

  int port() const;
  const std::string& address() const;  // "host:port"
  uint64_t update_bytes() const;       // written since the start
  uint64_t open_uploads() const;
  uint64_t download_bytes() const;  // in memory right now

  // Refuses new calls, ends the watches, lets the rest end for `patience`, then cuts it.
  // Idempotent. The coordinator's Drain closes the sites' streams: call it before, so nothing has
  // to be cut.
  void Stop(Duration patience);

 private:
  struct Parts;
  explicit RpcServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_RPC_SERVER_H_
