#include "common/rpc/channel.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/rpc/address.h"

namespace consilium::rpc {
namespace {

constexpr int kKeepaliveMs = 30'000;  // a dead path is noticed within this and the next
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kFirstBackoffMs = 500;
constexpr int kLongestBackoffMs = 30'000;
constexpr int kStreamWindowBytes = 2 * 1024 * 1024;
constexpr size_t kChannelBytes = size_t{128} * 1024 * 1024;  // gRPC's buffers of one connection

grpc::ChannelArguments Arguments(const Address& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxClientReceiveBytes);
  arguments.SetMaxSendMessageSize(kMaxServerReceiveBytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestBackoffMs);
  // A connection carries one certificate: never share it with another channel of this process.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Without the probe a connection's window stays near 320 KB: 4.6 MB/s over 70 ms, on any link.
  // With it alone buffers would grow to hundreds of megabytes on a fast one: the quota bounds them.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 1);
  grpc::ResourceQuota quota("channel");
  quota.Resize(kChannelBytes);
  arguments.SetResourceQuota(quota);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kStreamWindowBytes);
  // Sessions repeat by themselves, from what is durable; gRPC's own retries would only buffer.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A hospital's proxy (https_proxy) is for other machines, never for this one.
  if (IsLoopback(address)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const TlsOptions& tls,
                                                           const Clock& clock) {
  CN_ASSIGN_OR_RETURN(const Address parsed, ParseAddress(address));
  CN_ASSIGN_OR_RETURN(const auto credentials, MakeClientCredentials(tls, clock));
  return grpc::CreateCustomChannel(ToText(parsed), credentials, Arguments(parsed));
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const pki::TlsFiles& files,
                                                           const std::string& federation,
                                                           const Clock& clock) {
  TlsOptions tls;
  tls.files = files;
  tls.federation = federation;
  return MakeChannel(address, tls, clock);
}

}  // namespace consilium::rpc
