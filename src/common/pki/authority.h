// A federation's own small certificate authority: a folder on one machine.
//
//   <folder>/authority.pem        its certificate (goes to everybody as ca.pem)
//   <folder>/authority_key.pem    its private key, mode 0600 (never leaves)
//   <folder>/issued/<role>-<id>/  cert.pem key.pem ca.pem signing_key.pem signing_key.pub
// Formats: docs/formats/pki.md. The name of the federation is the trust domain of every identity,
// kept in the authority's certificate as spiffe://<federation>.
// Not thread-safe; two processes may issue different ids at the same time.
#ifndef CONSILIUM_COMMON_PKI_AUTHORITY_H_
#define CONSILIUM_COMMON_PKI_AUTHORITY_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/crypto/certificate.h"
#include "common/crypto/keys.h"
#include "common/pki/identity.h"
#include "common/pki/tls_files.h"

namespace consilium::pki {

inline constexpr int kDefaultLeafDays = 90;
inline constexpr int kMaxLeafDays = 90;
inline constexpr int kAuthorityDays = 3650;

struct IssueSpec {
  Role role = Role::kSite;
  std::string id;
  std::vector<std::string> dns_names;     // servers only, at least one of these two
  std::vector<std::string> ip_addresses;  // servers only
  int valid_days = kDefaultLeafDays;      // 1 to kMaxLeafDays, never past the authority's own end
};

// What Issue wrote.
struct Issued {
  std::string folder;
  TlsFiles tls;
  std::string signing_key;         // path; Ed25519, mode 0600
  std::string signing_public_key;  // path
  Identity identity;
  UtcMillis not_after = 0;
  Digest fingerprint;
};

// What `consilium pki show` prints of a certificate.
struct CertificateFacts {
  std::string subject;
  std::string issuer;
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  std::string serial;
  UtcMillis not_before = 0;
  UtcMillis not_after = 0;
  Digest fingerprint;
  bool is_authority = false;
};

class Authority {
 public:
  // `clock` outlives this. kAuthorityExists when the folder has one; kBadIdentity when `federation`
  // is not a valid name.
  static absl::StatusOr<std::unique_ptr<Authority>> Create(const std::string& folder,
                                                           const std::string& federation,
                                                           const Clock& clock);
  // kFileNotFound (help: `consilium pki init`), kKeyUnreadable, kKeyTooOpen, kBadCertificate,
  // kCertificateExpired.
  static absl::StatusOr<std::unique_ptr<Authority>> Open(const std::string& folder,
                                                         const Clock& clock);

  // Makes both keys and the certificate, and writes them to issued/<role>-<id>, all or nothing.
  // kFileExists when that folder is there; kBadIdentity, kUsage for a bad spec.
  absl::StatusOr<Issued> Issue(const IssueSpec& spec);

  // For a key made elsewhere: the certificate, PEM. The request's one URI must be the one that
  // `spec` names (kBadCertificate): an operator issues what was read back, not what was asked for.
  absl::StatusOr<std::string> SignRequest(const IssueSpec& spec, std::string_view request_pem);

  const std::string& federation() const { return federation_; }
  std::string CertificatePem() const { return certificate_.ToPem(); }

 private:
  Authority(std::string folder, std::string federation, crypto::Certificate certificate,
            crypto::PrivateKey key, const Clock& clock);
  absl::StatusOr<crypto::Certificate> Sign(const IssueSpec& spec, const crypto::PublicKey& holder);

  const std::string folder_;
  const std::string federation_;
  const crypto::Certificate certificate_;
  const crypto::PrivateKey key_;
  const Clock& clock_;
};

// Reads a certificate file. kFileNotFound, kFileUnreadable, kBadCertificate.
absl::StatusOr<CertificateFacts> ShowCertificate(const std::string& path);

}  // namespace consilium::pki

#endif  // CONSILIUM_COMMON_PKI_AUTHORITY_H_
