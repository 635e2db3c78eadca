#include "common/crypto/keys.h"

#include <fmt/format.h>
#include <openssl/pem.h>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/openssl_handles.h"
#include "common/crypto/private_file.h"
#include "common/crypto/sha256.h"

namespace consilium::crypto {
namespace {

KeyKind KindOf(const EVP_PKEY* key) {
  return EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 ? KeyKind::kSigning : KeyKind::kTls;
}

// Refuses a passphrase instead of asking the terminal for one.
int NoPassphrase(char*, int, int, void*) { return -1; }

std::string NotOurKey(std::string_view what, std::string_view half) {
  return fmt::format("{} is not a {} key of kind P-256 or Ed25519 in PEM ({})", what, half,
                     TakeOpensslError());
}
absl::Status NotPublic(std::string_view what) {
  return Error(ErrorCode::kBadCertificate, NotOurKey(what, "public"));
}
absl::Status NotPrivate(std::string_view what) {
  return Error(ErrorCode::kKeyUnreadable, NotOurKey(what, "private"),
               "make keys with `consilium pki issue`; a key with a passphrase is not supported");
}

}  // namespace

absl::StatusOr<PublicKey> PublicKey::FromPem(std::string_view pem, std::string_view what) {
  const BioPtr bio = ReaderOf(pem);
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassphrase, nullptr);
  if (key == nullptr) return NotPublic(what);
  PublicKey result = KeyAccess::MakePublic(key);
  if (!IsOurKind(key)) return NotPublic(what);
  return result;
}

std::string PublicKey::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  CN_CHECK(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
  return TextOf(bio.get());
}

KeyKind PublicKey::kind() const { return KindOf(key_.get()); }

Digest PublicKey::Id() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  CN_CHECK(size > 0);
  const Digest id = Sha256Of(std::as_bytes(std::span(der, static_cast<size_t>(size))));
  OPENSSL_free(der);
  return id;
}

bool PublicKey::Verify(ByteSpan message, ByteSpan signature) const {
  CN_CHECK(kind() == KeyKind::kSigning);
  const DigestContextPtr context(EVP_MD_CTX_new());
  CN_CHECK(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  const bool good =
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                       signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                       message.size()) == 1;
  if (!good) TakeOpensslError();  // leave no stale entry behind
  return good;
}

bool operator==(const PublicKey& a, const PublicKey& b) {
  return EVP_PKEY_eq(a.key_.get(), b.key_.get()) == 1;
}

PrivateKey PrivateKey::Generate(KeyKind kind) {
  EVP_PKEY* key =
      kind == KeyKind::kTls ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  CN_CHECK(key != nullptr);
  return KeyAccess::MakePrivate(key);
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(const Secret& pem, std::string_view what) {
  const BioPtr bio = ReaderOf(pem.ExposeText());
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr);
  if (key == nullptr) return NotPrivate(what);
  PrivateKey result = KeyAccess::MakePrivate(key);
  if (!IsOurKind(key)) return NotPrivate(what);
  return result;
}

absl::StatusOr<PrivateKey> PrivateKey::Read(const std::string& path) {
  CN_ASSIGN_OR_RETURN(const Secret pem, ReadPrivateFile(path));
  return FromPem(pem, path);
}

absl::Status PrivateKey::Write(const std::string& path) const {
  return WritePrivateFile(path, ToPem().Expose());
}

Secret PrivateKey::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));  // locked memory, wiped when freed
  CN_CHECK(PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
           1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  CN_CHECK(size > 0);
  return Secret::CopyOf(AsBytes({data, static_cast<size_t>(size)}));
}

KeyKind PrivateKey::kind() const { return KindOf(key_.get()); }

PublicKey PrivateKey::public_key() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_.get(), &der);
  CN_CHECK(size > 0);
  const unsigned char* read = der;
  EVP_PKEY* half = d2i_PUBKEY(nullptr, &read, size);
  OPENSSL_free(der);
  CN_CHECK(half != nullptr);
  return KeyAccess::MakePublic(half);
}

Signature PrivateKey::Sign(ByteSpan message) const {
  CN_CHECK(kind() == KeyKind::kSigning);
  const DigestContextPtr context(EVP_MD_CTX_new());
  CN_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  Signature signature;
  size_t size = signature.size();
  CN_CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1);
  CN_CHECK(size == signature.size());
  return signature;
}

}  // namespace consilium::crypto
