// Who a certificate says its holder is: spiffe://<federation>/<role>/<id>, exactly one URI SAN.
#ifndef CONSILIUM_COMMON_PKI_IDENTITY_H_
#define CONSILIUM_COMMON_PKI_IDENTITY_H_

#include <compare>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace consilium::pki {

enum class Role { kServer, kSite, kResearcher, kOperator, kAuditor };

struct Identity {
  std::string federation;  // the trust domain
  Role role = Role::kSite;
  std::string id;  // IsValidName
  std::string ToUri() const;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};

const char* NameOf(Role role);                          // "server", "site", ...
absl::StatusOr<Role> ParseRole(std::string_view name);  // kBadIdentity
// kBadIdentity: not a spiffe URI of this shape, or an unknown role.
absl::StatusOr<Identity> ParseIdentity(std::string_view uri);

}  // namespace consilium::pki

#endif  // CONSILIUM_COMMON_PKI_IDENTITY_H_
