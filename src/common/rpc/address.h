// "host:port", taken apart.
#ifndef CONSILIUM_COMMON_RPC_ADDRESS_H_
#define CONSILIUM_COMMON_RPC_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace consilium::rpc {

struct Address {
  std::string host;  // a name or an address, without brackets
  uint16_t port = 0;
};

// "host:port" or "[v6]:port". kUsage with what was wanted.
absl::StatusOr<Address> ParseAddress(std::string_view text);
std::string ToText(const Address& address);  // brackets around a v6 address
// localhost, 127.0.0.0/8, ::1.
bool IsLoopback(const Address& address);

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_ADDRESS_H_
