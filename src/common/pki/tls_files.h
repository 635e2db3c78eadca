// The three files a process needs to speak: its certificate, its private key, the authority's.
//
// Everything that can be wrong with them is found here, before a connection is tried, because a TLS
// handshake says only that it failed.
#ifndef CONSILIUM_COMMON_PKI_TLS_FILES_H_
#define CONSILIUM_COMMON_PKI_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/crypto/secret.h"
#include "common/pki/identity.h"

namespace consilium::pki {

// Paths. `cert` may hold the leaf and its intermediates, `ca` several roots (rotation).
struct TlsFiles {
  std::string cert;
  std::string key;
  std::string ca;
};

inline constexpr uint64_t kMaxCertificateFileBytes = uint64_t{256} * 1024;

// The contents, checked.
struct TlsMaterial {
  std::string certificate_pem;
  crypto::Secret key_pem;
  std::string authority_pem;
  Identity identity;        // from the certificate's one URI SAN
  UtcMillis not_after = 0;  // of the leaf
};

// <folder>/cert.pem, key.pem, ca.pem: what `consilium pki issue` writes.
TlsFiles TlsFilesIn(const std::string& folder);

// kFileNotFound, kFileUnreadable, kFileTooLarge; kKeyTooOpen;
// kKeyUnreadable: also a key that does not belong to the certificate;
// kCertificateExpired (also: not valid yet), with the date;
// kBadCertificate: not PEM, not exactly one URI SAN of ours, wrong key usage for its role, or not
// issued by the authority in `ca`.
absl::StatusOr<TlsMaterial> LoadTlsFiles(const TlsFiles& files, const Clock& clock);

}  // namespace consilium::pki

#endif  // CONSILIUM_COMMON_PKI_TLS_FILES_H_
