// TLS credentials for gRPC: both ends show a certificate, and a client knows whom it talks to.
//
// Server: a client without a certificate of our authority never gets through. Client: besides the
// usual check of the name it dialled, the server's certificate must carry exactly one URI SAN,
// spiffe://<federation>/server/<id>; it is refused inside the handshake, before a byte of a request
// is sent, so no site can pose as the server with its own certificate.
// The experimental parts of gRPC's TLS interface are used in credentials.cc only.
// Thread-safe.
#ifndef CONSILIUM_COMMON_RPC_CREDENTIALS_H_
#define CONSILIUM_COMMON_RPC_CREDENTIALS_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/pki/tls_files.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace consilium::rpc {

struct TlsOptions {
  pki::TlsFiles files;
  // The trust domain. Empty: the one of our own certificate; else they must agree
  // (kBadCertificate).
  std::string federation;
  // How often the files are looked at again, so a renewed certificate needs no restart (replace the
  // folder by renaming a link). 0: read once, now.
  std::chrono::seconds refresh{0};
};

// Errors of LoadTlsFiles; kWrongRole when the certificate is not a server's; kTlsSettings when
// InitProcess did not run or did not take effect.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& options, const Clock& clock);
// The same; kWrongRole when the certificate is a server's.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeClientCredentials(
    const TlsOptions& options, const Clock& clock);

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_CREDENTIALS_H_
