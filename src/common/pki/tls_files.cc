#include "common/pki/tls_files.h"

#include <fmt/format.h>

#include <vector>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/crypto/certificate.h"
#include "common/crypto/keys.h"
#include "common/crypto/private_file.h"

namespace consilium::pki {
namespace {

constexpr std::string_view kIssueAgain =
    "have the federation's operator issue a new one (`consilium pki issue`) and put its files here";

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  const PosixStorage storage;
  CN_ASSIGN_OR_RETURN(const Bytes bytes, ReadWhole(storage, path, kMaxCertificateFileBytes));
  return std::string(AsText(bytes));
}

absl::Status CheckTime(const crypto::Certificate& leaf, const std::string& path, UtcMillis now) {
  if (now > leaf.NotAfter()) {
    return Error(ErrorCode::kCertificateExpired,
                 fmt::format("the certificate {} expired on {}", path, FormatUtc(leaf.NotAfter())),
                 kIssueAgain);
  }
  if (now < leaf.NotBefore()) {
    return Error(ErrorCode::kCertificateExpired,
                 fmt::format("the certificate {} is valid only from {} on, and this machine's "
                             "clock says {}",
                             path, FormatUtc(leaf.NotBefore()), FormatUtc(now)),
                 "check this machine's clock");
  }
  return absl::OkStatus();
}

absl::StatusOr<Identity> IdentityOf(const crypto::Certificate& leaf, const std::string& path) {
  const std::vector<std::string> uris = leaf.Uris();
  if (uris.size() != 1) {
    return Error(ErrorCode::kBadCertificate,
                 fmt::format("the certificate {} has {} URI names, want exactly one: "
                             "spiffe://<federation>/<role>/<id>",
                             path, uris.size()),
                 kIssueAgain);
  }
  absl::StatusOr<Identity> identity = ParseIdentity(uris.front());
  if (!identity.ok()) {
    return Error(
        ErrorCode::kBadCertificate,
        fmt::format("the certificate {}: {}", path, std::string(identity.status().message())),
        kIssueAgain);
  }
  return identity;
}

absl::Status CheckUsage(const crypto::Certificate& leaf, const std::string& path, Role role) {
  const bool server = role == Role::kServer;
  if (server ? leaf.IsForServers() : leaf.IsForClients()) return absl::OkStatus();
  return Error(ErrorCode::kBadCertificate,
               fmt::format("the certificate {} of a {} lacks the extended key usage {}", path,
                           NameOf(role), server ? "serverAuth" : "clientAuth"),
               kIssueAgain);
}

absl::Status CheckIssuer(const std::vector<crypto::Certificate>& chain,
                         const std::vector<crypto::Certificate>& roots, const TlsFiles& files) {
  const absl::Status verified = crypto::VerifyChain(chain, roots);
  if (verified.ok()) return absl::OkStatus();
  return Error(
      ErrorCode::kBadCertificate,
      fmt::format("the certificate {} was not issued by the authority in {}: {}", files.cert,
                  files.ca, std::string(verified.message())),
      "use the three files of one `consilium pki issue` together: cert.pem, key.pem, ca.pem");
}

}  // namespace

TlsFiles TlsFilesIn(const std::string& folder) {
  return {folder + "/cert.pem", folder + "/key.pem", folder + "/ca.pem"};
}

absl::StatusOr<TlsMaterial> LoadTlsFiles(const TlsFiles& files, const Clock& clock) {
  TlsMaterial material;
  CN_ASSIGN_OR_RETURN(material.certificate_pem, ReadPem(files.cert));
  CN_ASSIGN_OR_RETURN(material.authority_pem, ReadPem(files.ca));
  CN_ASSIGN_OR_RETURN(material.key_pem, crypto::ReadPrivateFile(files.key));
  CN_ASSIGN_OR_RETURN(const auto chain,
                      crypto::Certificate::BundleFromPem(material.certificate_pem, files.cert));
  CN_ASSIGN_OR_RETURN(const auto roots,
                      crypto::Certificate::BundleFromPem(material.authority_pem, files.ca));
  CN_ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::FromPem(material.key_pem, files.key));
  const crypto::Certificate& leaf = chain.front();
  CN_ASSIGN_OR_RETURN(material.identity, IdentityOf(leaf, files.cert));
  CN_RETURN_IF_ERROR(CheckUsage(leaf, files.cert, material.identity.role));
  if (!(key.public_key() == leaf.public_key())) {
    return Error(ErrorCode::kKeyUnreadable,
                 fmt::format("the private key {} does not belong to the certificate {}", files.key,
                             files.cert),
                 "use the cert.pem and key.pem of one `consilium pki issue` together");
  }
  CN_RETURN_IF_ERROR(CheckIssuer(chain, roots, files));
  CN_RETURN_IF_ERROR(CheckTime(leaf, files.cert, clock.UtcNow()));
  material.not_after = leaf.NotAfter();
  return material;
}

}  // namespace consilium::pki
