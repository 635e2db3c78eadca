// Starts a gRPC server with every bound set: memory, streams, metadata, messages, idle peers.
//
// Debian's gRPC has no fixes for header and stream floods, so the port is for certificates of our
// own authority only, metadata is small, and streams per connection are few.
#ifndef CONSILIUM_COMMON_RPC_SERVER_OPTIONS_H_
#define CONSILIUM_COMMON_RPC_SERVER_OPTIONS_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/credentials.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace consilium::rpc {

struct ServerOptions {
  std::string listen = "0.0.0.0:8443";  // "host:port"; port 0 takes a free one
  TlsOptions tls;
  // gRPC's own buffers, all connections together; beyond it, calls are cut (kOverloaded).
  size_t transport_bytes = size_t{96} * 1024 * 1024;
  // Per connection: a site needs one standing stream and a few uploads.
  int max_streams = 64;
  // A peer that does not finish its handshakes (TLS, then HTTP/2 settings) is cut off after this.
  Duration handshake{std::chrono::seconds(20)};
  // A peer that says nothing is asked after `keepalive`; one that vanished is noticed within this
  // and the next.
  Duration keepalive{std::chrono::seconds(60)};
  Duration keepalive_timeout{std::chrono::seconds(20)};
  // A connection without a call is closed after this. Sites and watches always have one.
  Duration idle{std::chrono::minutes(5)};
};

// Owns nothing of the services; they outlive it. Stop it with server->Shutdown(deadline), Wait().
struct RunningServer {
  std::unique_ptr<grpc::Server> server;
  int port = 0;         // the one it listens on
  std::string address;  // "host:port" as given, with that port
};

// REQUIRES: services is not empty. Errors of MakeServerCredentials; kPortInUse; kConfigOutOfRange
// for an address this machine cannot listen on.
absl::StatusOr<RunningServer> StartServer(const ServerOptions& options,
                                          std::span<grpc::Service* const> services,
                                          const Clock& clock);

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_SERVER_OPTIONS_H_
