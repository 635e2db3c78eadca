// What gRPC's and OpenSSL's texts of a connection that failed mean, for people.
//
// The transport has one status for all of it (UNAVAILABLE); only the text tells a wrong port from a
// wrong authority. Unknown texts are passed on with a general help, so a newer gRPC is only less
// helpful, never wrong.
#ifndef CONSILIUM_COMMON_RPC_TRANSPORT_TEXT_H_
#define CONSILIUM_COMMON_RPC_TRANSPORT_TEXT_H_

#include <string>
#include <string_view>

#include "common/base/error_codes.h"

namespace consilium::rpc {

struct TransportFault {
  ErrorCode code;      // kCannotConnect, kConnectionLost, kWrongRole, kBadCertificate, ...
  std::string reason;  // gRPC's words without its wrapping
  std::string_view help;
};
TransportFault ExplainUnavailable(std::string_view grpc_message);

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_TRANSPORT_TEXT_H_
