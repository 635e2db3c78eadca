#include "common/rpc/authenticator.h"

#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::rpc {

Authenticator::Authenticator(std::string federation) : federation_(std::move(federation)) {}

absl::StatusOr<Authenticated> Authenticator::Authenticate(const grpc::ServerContextBase& context,
                                                          Rpc rpc) const {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) {
    return Error(ErrorCode::kNotAuthenticated, "the call came without a verified certificate");
  }
  std::vector<std::string> uris;
  for (const grpc::string_ref& uri : auth->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
    uris.emplace_back(uri.data(), uri.size());
  }
  return Decide(uris, rpc);
}

absl::StatusOr<Authenticated> Authenticator::Decide(std::span<const std::string> uris,
                                                    Rpc rpc) const {
  if (uris.size() != 1) {
    return Error(ErrorCode::kNotAuthenticated,
                 fmt::format("the caller's certificate has {} URI names, want exactly one: "
                             "spiffe://{}/<role>/<id>",
                             uris.size(), federation_));
  }
  absl::StatusOr<pki::Identity> identity = pki::ParseIdentity(uris.front());
  if (!identity.ok()) {
    return Error(
        ErrorCode::kNotAuthenticated,
        fmt::format("the caller's certificate: {}", std::string(identity.status().message())));
  }
  if (identity->federation != federation_) {
    return Error(ErrorCode::kNotAuthenticated,
                 fmt::format("the caller is of the federation {}, want {}", identity->federation,
                             federation_));
  }
  const AccessRow& row = RowOf(rpc);
  if (!MayCall(identity->role, rpc)) {
    return Error(ErrorCode::kNotAllowed,
                 fmt::format("{} is for the role {}; this certificate is {}", row.method,
                             RolesOf(row), identity->ToUri()));
  }
  return Authenticated(*std::move(identity));
}

}  // namespace consilium::rpc
