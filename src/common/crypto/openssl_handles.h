// OpenSSL's objects under owners that free them, and the handles inside this room's values.
// For the sources of this room only: it includes OpenSSL.
#ifndef CONSILIUM_COMMON_CRYPTO_OPENSSL_HANDLES_H_
#define CONSILIUM_COMMON_CRYPTO_OPENSSL_HANDLES_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "common/crypto/certificate.h"
#include "common/crypto/keys.h"

namespace consilium::crypto {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

class KeyAccess {
 public:
  static EVP_PKEY* Of(const PublicKey& key) { return key.key_.get(); }
  static EVP_PKEY* Of(const PrivateKey& key) { return key.key_.get(); }
  // Takes `key`.
  static PublicKey MakePublic(EVP_PKEY* key) { return PublicKey({key, EVP_PKEY_free}); }
  static PrivateKey MakePrivate(EVP_PKEY* key) { return PrivateKey({key, EVP_PKEY_free}); }
};

class CertificateAccess {
 public:
  static X509* Of(const Certificate& certificate) { return certificate.x509_.get(); }
  static X509_REQ* Of(const CertificateRequest& request) { return request.request_.get(); }
  // Takes `x509` / `request`.
  static Certificate Make(X509* x509) { return Certificate({x509, X509_free}); }
  static CertificateRequest MakeRequest(X509_REQ* request) {
    return CertificateRequest({request, X509_REQ_free});
  }
};

// The text in a memory BIO.
std::string TextOf(BIO* bio);
// A BIO that reads `text`, which outlives it.
BioPtr ReaderOf(std::string_view text);
// The newest entry of this thread's OpenSSL error queue in words, and empties the queue.
std::string TakeOpensslError();
// P-256 or Ed25519.
bool IsOurKind(const EVP_PKEY* key);

}  // namespace consilium::crypto

#endif  // CONSILIUM_COMMON_CRYPTO_OPENSSL_HANDLES_H_
