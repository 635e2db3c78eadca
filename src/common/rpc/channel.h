// A client's channel to the server, with every bound set.
#ifndef CONSILIUM_COMMON_RPC_CHANNEL_H_
#define CONSILIUM_COMMON_RPC_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/credentials.h"

namespace grpc {
class Channel;
}

namespace consilium::rpc {

// One message, either way. A chunk is at most 1 MiB; a job's view with all its steps is the largest
// thing a client hears.
inline constexpr int kMaxServerReceiveBytes = 4 * 1024 * 1024;
inline constexpr int kMaxClientReceiveBytes = 64 * 1024 * 1024;
// Trailing metadata of an error: message, help and place are cut to fit (error_details.h).
inline constexpr int kMaxMetadataBytes = 16 * 1024;

// Dials nothing yet: the first call does. Each channel has its own connection. `address` is
// "host:port" or "[v6]:port" (kUsage). Errors of MakeClientCredentials.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const TlsOptions& tls,
                                                           const Clock& clock);
// The same with the files alone, read once.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const pki::TlsFiles& files,
                                                           const std::string& federation,
                                                           const Clock& clock);

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_CHANNEL_H_
