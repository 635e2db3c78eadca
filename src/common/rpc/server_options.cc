#include "common/rpc/server_options.h"

#include <fmt/format.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"

namespace consilium::rpc {
namespace {

constexpr int kLeastPingIntervalMs = 10'000;  // peers that ping more often are cut off
constexpr int kServerStreamWindowBytes = 2 * 1024 * 1024;

int MillisOf(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

void SetBounds(const ServerOptions& options, grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("transport");
  quota.Resize(options.transport_bytes);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxServerReceiveBytes);
  builder.SetMaxSendMessageSize(kMaxClientReceiveBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, MillisOf(options.handshake));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, MillisOf(options.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, MillisOf(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // By default gRPC stops asking after two questions without data in between: a site that waits for
  // its next round and vanishes would stay connected for ever.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, MillisOf(options.idle));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kLeastPingIntervalMs);
  // Without the probe a connection's window stays near 320 KB: 4.6 MB/s over 70 ms, on any link.
  // How far it may grow is bounded by the quota above and, for updates, by send_until.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kServerStreamWindowBytes);
  // Two servers would silently share one port otherwise.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

absl::Status CannotListen(const std::string& listen, int error) {
  if (error == 0) {
    return Error(ErrorCode::kInternal, fmt::format("the transport did not start on {}", listen),
                 "the log lines named `transport` say why");
  }
  if (error == EADDRINUSE) {
    return Error(ErrorCode::kPortInUse, fmt::format("another process listens on {}", listen),
                 "stop it (`ss -ltnp` names it) or listen on another port");
  }
  return Error(ErrorCode::kConfigOutOfRange,
               fmt::format("cannot listen on {}: {}", listen, std::strerror(error)),
               error == EACCES ? "ports below 1024 need a privilege: use 8443"
                               : "want an address of this machine, or 0.0.0.0 for all of them");
}

// gRPC says only that it could not bind: find out why by binding.
absl::Status WhyNot(const Address& address) {
  const std::string listen = ToText(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int result =
      getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (result != 0) {
    return Error(ErrorCode::kConfigOutOfRange,
                 fmt::format("cannot listen on {}: {}", listen, gai_strerror(result)),
                 "want an address of this machine, or 0.0.0.0 for all of them");
  }
  int error = 0;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) != 0) error = errno;
  if (fd >= 0) close(fd);
  freeaddrinfo(found);
  return CannotListen(listen, error);
}

}  // namespace

absl::StatusOr<RunningServer> StartServer(const ServerOptions& options,
                                          std::span<grpc::Service* const> services,
                                          const Clock& clock) {
  CN_CHECK(!services.empty());  // gRPC would refuse to start, and not say why
  CN_ASSIGN_OR_RETURN(Address address, ParseAddress(options.listen));
  CN_ASSIGN_OR_RETURN(const auto credentials, MakeServerCredentials(options.tls, clock));
  grpc::ServerBuilder builder;
  SetBounds(options, builder);
  int port = 0;
  builder.AddListeningPort(ToText(address), credentials, &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  RunningServer running;
  running.server = builder.BuildAndStart();
  if (running.server == nullptr || port <= 0) return WhyNot(address);
  running.port = port;
  address.port = static_cast<uint16_t>(port);
  running.address = ToText(address);
  return running;
}

}  // namespace consilium::rpc
