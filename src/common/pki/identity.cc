#include "common/pki/identity.h"

#include <fmt/format.h>

#include <array>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"

namespace consilium::pki {
namespace {

constexpr std::string_view kScheme = "spiffe://";
constexpr std::array kRoles = {Role::kServer, Role::kSite, Role::kResearcher, Role::kOperator,
                               Role::kAuditor};
constexpr size_t kMaxQuoted = 200;  // of a foreign text, in a message

absl::Status NotAnIdentity(std::string_view uri, std::string_view why) {
  return Error(ErrorCode::kBadIdentity,
               fmt::format("`{}` is not an identity: {}; want spiffe://<federation>/<role>/<id>",
                           uri.substr(0, kMaxQuoted), why));
}

}  // namespace

std::string Identity::ToUri() const {
  return fmt::format("{}{}/{}/{}", kScheme, federation, NameOf(role), id);
}

const char* NameOf(Role role) {
  switch (role) {
    case Role::kServer:
      return "server";
    case Role::kSite:
      return "site";
    case Role::kResearcher:
      return "researcher";
    case Role::kOperator:
      return "operator";
    case Role::kAuditor:
      return "auditor";
  }
  return "?";
}

absl::StatusOr<Role> ParseRole(std::string_view name) {
  for (const Role role : kRoles) {
    if (name == NameOf(role)) return role;
  }
  return Error(ErrorCode::kBadIdentity,
               fmt::format("`{}` is not a role, want server, site, researcher, operator or auditor",
                           name.substr(0, kMaxQuoted)));
}

absl::StatusOr<Identity> ParseIdentity(std::string_view uri) {
  if (!uri.starts_with(kScheme)) return NotAnIdentity(uri, "it does not begin with spiffe://");
  const std::string_view rest = uri.substr(kScheme.size());
  const size_t first = rest.find('/');
  const size_t second = first == rest.npos ? rest.npos : rest.find('/', first + 1);
  if (second == rest.npos) return NotAnIdentity(uri, "a part is missing");
  const std::string_view federation = rest.substr(0, first);
  const std::string_view id = rest.substr(second + 1);
  CN_ASSIGN_OR_RETURN(const Role role, ParseRole(rest.substr(first + 1, second - first - 1)));
  if (!IsValidName(federation)) return NotAnIdentity(uri, "the federation is not a valid name");
  if (!IsValidName(id)) return NotAnIdentity(uri, "the id is not a valid name");
  return Identity{std::string(federation), role, std::string(id)};
}

}  // namespace consilium::pki
