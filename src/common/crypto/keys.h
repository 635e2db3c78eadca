// Key pairs: P-256 for TLS certificates, Ed25519 (RFC 8032) for signatures of our own.
//
// Keys are generated where they are used; only a request or a public half leaves. Private halves of
// signing keys live in OpenSSL's secure heap; a TLS key is also in gRPC's memory, which is why
// InitProcess switches core dumps off.
// Values, cheap to copy (they share one immutable key). Thread-safe.
#ifndef CONSILIUM_COMMON_CRYPTO_KEYS_H_
#define CONSILIUM_COMMON_CRYPTO_KEYS_H_

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/crypto/secret.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace consilium::crypto {

enum class KeyKind { kTls, kSigning };  // P-256, Ed25519
using Signature = std::array<std::byte, 64>;

class PublicKey {
 public:
  // kBadCertificate: not a public key of either kind. `what` names it in the message.
  static absl::StatusOr<PublicKey> FromPem(std::string_view pem, std::string_view what);
  std::string ToPem() const;  // SubjectPublicKeyInfo
  KeyKind kind() const;
  // SHA-256 of the DER of SubjectPublicKeyInfo: the key's name everywhere.
  Digest Id() const;
  // REQUIRES: a kSigning key. False for any signature that was not made over exactly `message`.
  bool Verify(ByteSpan message, ByteSpan signature) const;
  friend bool operator==(const PublicKey& a, const PublicKey& b);

 private:
  friend class PrivateKey;
  friend class KeyAccess;  // the OpenSSL handle, for this room only
  explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

class PrivateKey {
 public:
  static PrivateKey Generate(KeyKind kind);
  // kKeyUnreadable: not an unencrypted PKCS #8 (or SEC 1) key of either kind.
  static absl::StatusOr<PrivateKey> FromPem(const Secret& pem, std::string_view what);
  // ReadPrivateFile, then FromPem: their errors.
  static absl::StatusOr<PrivateKey> Read(const std::string& path);
  // PKCS #8, mode 0600: WritePrivateFile's errors.
  absl::Status Write(const std::string& path) const;
  Secret ToPem() const;
  KeyKind kind() const;
  PublicKey public_key() const;
  // REQUIRES: a kSigning key.
  Signature Sign(ByteSpan message) const;

 private:
  friend class KeyAccess;
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace consilium::crypto

#endif  // CONSILIUM_COMMON_CRYPTO_KEYS_H_
