// absl::Status to grpc::Status and back: the only file where the two meet.
//
// Our code, place and help travel in the binary error details (docs/formats/error_details.md), so
// the other end shows the same error that a local call would have shown. What did not come from us
// (the transport, an older server, a proxy) gets a code of ours and a help that says what to check.
// Pure; thread-safe.
#ifndef CONSILIUM_COMMON_RPC_STATUS_CONVERSION_H_
#define CONSILIUM_COMMON_RPC_STATUS_CONVERSION_H_

#include <string_view>

#include "absl/status/status.h"

namespace grpc {
class Status;
}

namespace consilium::rpc {

// What a peer may know. Errors about this machine (files, storage, faults of our own, anything that
// Error did not make) travel as their title only: the caller logs the whole first.
grpc::Status ToGrpc(const absl::Status& status);

// kCannotConnect, kConnectionLost, kTimedOut, kMessageTooLarge, kOverloaded, kNotAuthenticated,
// kNotAllowed, kVersion, kProtocol or kInternal for what carries no code of ours; absl's CANCELLED
// stays itself (it is this end that cancelled). `peer` names whom we called ("the server at
// host:8443"); empty: "the server".
absl::Status FromGrpc(const grpc::Status& status, std::string_view peer = "");

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_STATUS_CONVERSION_H_
