// Turns the peer's verified certificate into an Authenticated, for one RPC, or says why not.
//
//   auto caller = authenticator.Authenticate(*context, Rpc::kSubmitJob);
//   if (!caller.ok()) { reactor->Finish(ToGrpc(caller.status())); return reactor; }
//
// Reads only the URI SANs that TLS has verified: the common name, metadata and request fields take
// no part. Exactly one URI SAN, of our federation, with a role that the access table lets in.
// Thread-safe.
#ifndef CONSILIUM_COMMON_RPC_AUTHENTICATOR_H_
#define CONSILIUM_COMMON_RPC_AUTHENTICATOR_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/access_table.h"
#include "common/rpc/authenticated.h"

namespace grpc {
class ServerContextBase;
}

namespace consilium::rpc {

class Authenticator {
 public:
  explicit Authenticator(std::string federation);

  // `context` is any of ServerContext, CallbackServerContext, GenericCallbackServerContext.
  // kNotAuthenticated: no verified certificate, not exactly one URI SAN, not an identity of this
  // federation. kNotAllowed: known, but this RPC is not for that role.
  absl::StatusOr<Authenticated> Authenticate(const grpc::ServerContextBase& context, Rpc rpc) const;

  // The same decision on URIs alone, for links that carry no gRPC and for tests. REQUIRES: `uris`
  // come from a verified certificate.
  absl::StatusOr<Authenticated> Decide(std::span<const std::string> uris, Rpc rpc) const;

  const std::string& federation() const { return federation_; }

 private:
  const std::string federation_;
};

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_AUTHENTICATOR_H_
