// The only file that uses gRPC's experimental TLS interface.
#include "common/rpc/credentials.h"

#include <fmt/format.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <functional>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/tls_settings.h"

namespace consilium::rpc {
namespace {

namespace tls = grpc::experimental;

// What a person reads when their client met a server it must not talk to; empty when it may.
std::string WhyNotOurServer(const std::vector<grpc::string_ref>& uris,
                            const std::string& federation) {
  if (uris.size() != 1) {
    return fmt::format("its certificate has {} URI names, want exactly one", uris.size());
  }
  const std::string uri(uris[0].data(), uris[0].size());
  const absl::StatusOr<pki::Identity> identity = pki::ParseIdentity(uri);
  if (!identity.ok()) return std::string(identity.status().message());
  if (identity->role != pki::Role::kServer || identity->federation != federation) {
    return fmt::format("it shows the certificate of {}, want spiffe://{}/server/<id>", uri,
                       federation);
  }
  return "";
}

// Runs inside the handshake, after the chain was verified and before a request is sent. Takes the
// place of gRPC's own check of the dialled name, so it makes that one too.
class ServerVerifier final : public tls::ExternalCertificateVerifier {
 public:
  explicit ServerVerifier(std::string federation) : federation_(std::move(federation)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* sync_status) override {
    grpc::Status named;
    if (!host_name_.Verify(request, [](const grpc::Status&) {}, &named)) {
      named = grpc::Status(grpc::StatusCode::INTERNAL, "the name check did not answer at once");
    }
    const std::string why = WhyNotOurServer(request->uri_names(), federation_);
    if (!why.empty()) {
      *sync_status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "not our server: " + why);
    } else if (!named.ok()) {
      *sync_status = grpc::Status(
          grpc::StatusCode::UNAUTHENTICATED,
          fmt::format("not our server: its certificate does not name {} (DNS or IP)",
                      std::string(request->target_name().data(), request->target_name().size())));
    } else {
      *sync_status = grpc::Status::OK;
    }
    return true;  // decided now
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}  // nothing is ever pending

 private:
  const std::string federation_;
  tls::HostNameCertificateVerifier host_name_;
};

std::shared_ptr<tls::CertificateProviderInterface> MakeProvider(const TlsOptions& options,
                                                                const pki::TlsMaterial& material) {
  if (options.refresh.count() > 0) {
    return std::make_shared<tls::FileWatcherCertificateProvider>(
        options.files.key, options.files.cert, options.files.ca,
        static_cast<unsigned>(options.refresh.count()));
  }
  const tls::IdentityKeyCertPair pair = {std::string(material.key_pem.ExposeText()),
                                         material.certificate_pem};
  return std::make_shared<tls::StaticDataCertificateProvider>(
      material.authority_pem, std::vector<tls::IdentityKeyCertPair>{pair});
}

absl::StatusOr<pki::TlsMaterial> Load(const TlsOptions& options, const Clock& clock) {
  CN_RETURN_IF_ERROR(crypto::CheckTlsSettings());
  CN_ASSIGN_OR_RETURN(pki::TlsMaterial material, pki::LoadTlsFiles(options.files, clock));
  if (!options.federation.empty() && options.federation != material.identity.federation) {
    return Error(ErrorCode::kBadCertificate,
                 fmt::format("the certificate {} is of the federation {}, want {}",
                             options.files.cert, material.identity.federation, options.federation),
                 "check the name of the federation in the configuration, or use the certificate "
                 "that its operator issued");
  }
  return material;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsOptions& options, const Clock& clock) {
  CN_ASSIGN_OR_RETURN(const pki::TlsMaterial material, Load(options, clock));
  if (material.identity.role != pki::Role::kServer) {
    return Error(ErrorCode::kWrongRole,
                 fmt::format("the certificate {} is of {}, want one of a server",
                             options.files.cert, material.identity.ToUri()),
                 "issue one with `consilium pki issue server`");
  }
  tls::TlsServerCredentialsOptions grpc_options(MakeProvider(options, material));
  grpc_options.watch_root_certs();
  grpc_options.watch_identity_key_cert_pairs();
  grpc_options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return tls::TlsServerCredentials(grpc_options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeClientCredentials(
    const TlsOptions& options, const Clock& clock) {
  CN_ASSIGN_OR_RETURN(const pki::TlsMaterial material, Load(options, clock));
  if (material.identity.role == pki::Role::kServer) {
    return Error(ErrorCode::kWrongRole,
                 fmt::format("the certificate {} is a server's, want one of a site or a person",
                             options.files.cert),
                 "a server never dials: issue a certificate with `consilium pki issue`");
  }
  tls::TlsChannelCredentialsOptions grpc_options;
  grpc_options.set_certificate_provider(MakeProvider(options, material));
  grpc_options.watch_root_certs();
  grpc_options.watch_identity_key_cert_pairs();
  grpc_options.set_verify_server_certs(true);
  grpc_options.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<ServerVerifier>(material.identity.federation));
  return tls::TlsCredentials(grpc_options);
}

}  // namespace consilium::rpc
