// How a call ends badly: the whole error into our log, what a peer may know onto the wire.
#ifndef CONSILIUM_SERVER_RPC_REFUSAL_H_
#define CONSILIUM_SERVER_RPC_REFUSAL_H_

#include <grpcpp/support/status.h>

#include <string_view>

#include "absl/status/status.h"

namespace consilium::server::rpc {

// Logs `status` under the name of the call and converts it. `caller` is the peer's URI, empty when
// it has none. REQUIRES: !status.ok().
::grpc::Status Refuse(std::string_view call, const absl::Status& status,
                      std::string_view caller = "");

// kOverloaded: too much is queued.
absl::Status Overloaded();

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_REFUSAL_H_
