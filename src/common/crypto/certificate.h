// X.509 certificates and requests (RFC 5280): built with our profile, read from anybody.
//
// Profile (docs/formats/pki.md): version 3, a random serial of 128 bits, ECDSA with SHA-256, valid
// from five minutes ago (clocks differ), subject and authority key ids. A leaf carries exactly one
// URI SAN, its identity; servers also DNS and IP SANs; key usage digitalSignature; extended key
// usage serverAuth for servers only, clientAuth for everybody else only, so that a site's
// certificate cannot pose as the server. The authority: CA, path length 0, keyCertSign, cRLSign.
// Values, cheap to copy (they share one immutable certificate). Thread-safe.
#ifndef CONSILIUM_COMMON_CRYPTO_CERTIFICATE_H_
#define CONSILIUM_COMMON_CRYPTO_CERTIFICATE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/crypto/keys.h"

struct x509_st;      // OpenSSL's X509
struct X509_req_st;  // OpenSSL's X509_REQ

namespace consilium::crypto {

inline constexpr UtcMillis kBackdateMs = UtcMillis{5} * 60 * 1000;
inline constexpr size_t kMaxNames = 64;   // SANs of one certificate
inline constexpr size_t kMaxBundle = 16;  // certificates in one PEM file

class Certificate {
 public:
  // The first certificate of a PEM text. kBadCertificate; `what` names it in the message.
  static absl::StatusOr<Certificate> FromPem(std::string_view pem, std::string_view what);
  // All of them, in order, at most kMaxBundle.
  static absl::StatusOr<std::vector<Certificate>> BundleFromPem(std::string_view pem,
                                                                std::string_view what);
  std::string ToPem() const;

  std::string Subject() const;            // the common name: for people, never for access
  std::string Issuer() const;             // common name of the issuer
  std::vector<std::string> Uris() const;  // URI SANs
  std::vector<std::string> DnsNames() const;
  std::vector<std::string> IpAddresses() const;  // as text
  UtcMillis NotBefore() const;
  UtcMillis NotAfter() const;
  std::string Serial() const;  // lower-case hex
  Digest Fingerprint() const;  // SHA-256 of the DER
  bool IsAuthority() const;
  bool IsForServers() const;  // extended key usage has serverAuth
  bool IsForClients() const;  // extended key usage has clientAuth
  PublicKey public_key() const;

 private:
  friend class CertificateAccess;
  explicit Certificate(std::shared_ptr<x509_st> certificate) : x509_(std::move(certificate)) {}
  std::shared_ptr<x509_st> x509_;
};

// A PKCS #10 request: a public key and the identity its holder asks for.
class CertificateRequest {
 public:
  static CertificateRequest Make(const PrivateKey& key, const std::string& uri);
  // kBadCertificate: not a request, or its own signature does not verify.
  static absl::StatusOr<CertificateRequest> FromPem(std::string_view pem, std::string_view what);
  std::string ToPem() const;
  std::vector<std::string> Uris() const;
  PublicKey public_key() const;

 private:
  friend class CertificateAccess;
  explicit CertificateRequest(std::shared_ptr<X509_req_st> request)
      : request_(std::move(request)) {}
  std::shared_ptr<X509_req_st> request_;
};

struct AuthoritySpec {
  std::string organization;
  std::string common_name;
  std::string uri;  // the trust domain: spiffe://<federation>
  UtcMillis now = 0;
  UtcMillis not_after = 0;
};

struct LeafSpec {
  std::string organization;
  std::string common_name;
  std::vector<std::string> uris;  // exactly one in everything that pki issues
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  bool for_server = false;  // serverAuth, else clientAuth
  UtcMillis now = 0;
  UtcMillis not_after = 0;
};

// Self-signed. kUsage when a name is longer than X.509 allows (64 bytes).
absl::StatusOr<Certificate> MakeAuthority(const AuthoritySpec& spec, const PrivateKey& key);
// kUsage: a malformed DNS name or IP address, more than kMaxNames, a name that is too long.
absl::StatusOr<Certificate> MakeLeaf(const LeafSpec& spec, const PublicKey& holder,
                                     const Certificate& authority, const PrivateKey& authority_key);

// Ok when chain[0] leads to one of `roots` by signatures and CA flags (times are not looked at:
// they have errors of their own). kBadCertificate with OpenSSL's reason.
absl::Status VerifyChain(const std::vector<Certificate>& chain,
                         const std::vector<Certificate>& roots);

}  // namespace consilium::crypto

#endif  // CONSILIUM_COMMON_CRYPTO_CERTIFICATE_H_
