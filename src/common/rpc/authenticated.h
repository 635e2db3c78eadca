// Authentication is a type: a handler takes an Authenticated and cannot be called without one.
//
// Only Authenticator makes it, from the peer's verified certificate and the table RPC x role
// (default deny). Nothing a request says takes part.
#ifndef CONSILIUM_COMMON_RPC_AUTHENTICATED_H_
#define CONSILIUM_COMMON_RPC_AUTHENTICATED_H_

#include "common/pki/identity.h"

namespace consilium::rpc {

class Authenticated {
 public:
  const pki::Identity& identity() const { return identity_; }

 private:
  friend class Authenticator;
  explicit Authenticated(pki::Identity identity) : identity_(std::move(identity)) {}
  pki::Identity identity_;
};

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_AUTHENTICATED_H_
