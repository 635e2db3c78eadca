#include "common/rpc/address.h"

#include <fmt/format.h>

#include <charconv>

#include "common/base/error.h"

namespace consilium::rpc {
namespace {

constexpr size_t kMaxHostBytes = 253;

absl::Status NotAnAddress(std::string_view text, std::string_view why) {
  return Error(ErrorCode::kUsage,
               fmt::format("`{}` is not an address: {}", text.substr(0, 2 * kMaxHostBytes), why),
               "want host:port, as in fl.hospital.org:8443, 10.0.0.5:8443 or [::1]:8443");
}

}  // namespace

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  if (text.find("://") != text.npos) return NotAnAddress(text, "it has a scheme");
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return NotAnAddress(text, "the port is missing");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return NotAnAddress(text, "a version 6 address needs brackets");
  }
  if (host.empty() || host.size() > kMaxHostBytes) return NotAnAddress(text, "the host is missing");
  if (host.find_first_of(" /\\\"'\t\n") != host.npos) {
    return NotAnAddress(text, "the host has a character that no host has");
  }
  Address address{std::string(host), 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return NotAnAddress(text, fmt::format("`{}` is not a port, want 0 to 65535", digits));
  }
  return address;
}

std::string ToText(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address.host, address.port)
            : fmt::format("{}:{}", address.host, address.port);
}

bool IsLoopback(const Address& address) {
  return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

}  // namespace consilium::rpc
