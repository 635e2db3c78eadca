#include "common/crypto/certificate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/pem.h>

#include <ctime>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/openssl_handles.h"
#include "common/crypto/sha256.h"

namespace consilium::crypto {
namespace {

std::string CommonNameOf(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "";
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) return "";
  std::string text(reinterpret_cast<char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string TextOf(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<size_t>(ASN1_STRING_length(value))};
}

std::string IpText(const ASN1_STRING* value) {
  char text[INET6_ADDRSTRLEN] = {};
  const int family = ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6;
  const bool sized = ASN1_STRING_length(value) == 4 || ASN1_STRING_length(value) == 16;
  if (!sized || inet_ntop(family, ASN1_STRING_get0_data(value), text, sizeof text) == nullptr) {
    return "?";
  }
  return text;
}

// The SANs of one type, as text.
std::vector<std::string> NamesOfType(const GENERAL_NAMES* names, int type) {
  std::vector<std::string> texts;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    int found = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &found);
    if (found != type) continue;
    const auto* text = static_cast<const ASN1_STRING*>(value);
    texts.push_back(type == GEN_IPADD ? IpText(text) : TextOf(text));
  }
  return texts;
}

std::vector<std::string> NamesOf(const X509* x509, int type) {
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  return NamesOfType(names.get(), type);
}

UtcMillis MillisOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<UtcMillis>(timegm(&parts)) * 1000;
}

PublicKey ShareKey(EVP_PKEY* key) {
  CN_CHECK(EVP_PKEY_up_ref(key) == 1);
  return KeyAccess::MakePublic(key);
}

absl::Status NotPem(std::string_view what, std::string_view wanted) {
  return Error(ErrorCode::kBadCertificate,
               fmt::format("{} does not hold {} in PEM ({})", what, wanted, TakeOpensslError()),
               "want a text file that begins with `-----BEGIN CERTIFICATE`, as `consilium pki "
               "issue` writes it");
}

// Also refuses a certificate whose key this project cannot judge.
absl::Status CheckKey(EVP_PKEY* key, std::string_view what) {
  if (key != nullptr) return absl::OkStatus();
  return Error(ErrorCode::kBadCertificate,
               fmt::format("{} has no readable public key ({})", what, TakeOpensslError()));
}

}  // namespace

absl::StatusOr<Certificate> Certificate::FromPem(std::string_view pem, std::string_view what) {
  CN_ASSIGN_OR_RETURN(std::vector<Certificate> bundle, BundleFromPem(pem, what));
  return bundle.front();
}

absl::StatusOr<std::vector<Certificate>> Certificate::BundleFromPem(std::string_view pem,
                                                                    std::string_view what) {
  const BioPtr bio = ReaderOf(pem);
  std::vector<Certificate> bundle;
  while (X509* x509 = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    bundle.push_back(CertificateAccess::Make(x509));
    CN_RETURN_IF_ERROR(CheckKey(X509_get0_pubkey(x509), what));
    if (bundle.size() > kMaxBundle) {
      return Error(ErrorCode::kBadCertificate,
                   fmt::format("{} holds more than {} certificates", what, kMaxBundle));
    }
  }
  if (bundle.empty()) return NotPem(what, "a certificate");
  TakeOpensslError();  // the "no more PEM" that ended the loop
  return bundle;
}

std::string Certificate::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  CN_CHECK(PEM_write_bio_X509(bio.get(), x509_.get()) == 1);
  return crypto::TextOf(bio.get());
}

std::string Certificate::Subject() const {
  return CommonNameOf(X509_get_subject_name(x509_.get()));
}
std::string Certificate::Issuer() const { return CommonNameOf(X509_get_issuer_name(x509_.get())); }
std::vector<std::string> Certificate::Uris() const { return NamesOf(x509_.get(), GEN_URI); }
std::vector<std::string> Certificate::DnsNames() const { return NamesOf(x509_.get(), GEN_DNS); }
std::vector<std::string> Certificate::IpAddresses() const {
  return NamesOf(x509_.get(), GEN_IPADD);
}
UtcMillis Certificate::NotBefore() const { return MillisOf(X509_get0_notBefore(x509_.get())); }
UtcMillis Certificate::NotAfter() const { return MillisOf(X509_get0_notAfter(x509_.get())); }

std::string Certificate::Serial() const {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(x509_.get());
  std::string hex;
  for (int i = 0; i < ASN1_STRING_length(serial); ++i) {
    hex += fmt::format("{:02x}", ASN1_STRING_get0_data(serial)[i]);
  }
  return hex;
}

Digest Certificate::Fingerprint() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509(x509_.get(), &der);
  CN_CHECK(size > 0);
  const Digest digest = Sha256Of(std::as_bytes(std::span(der, static_cast<size_t>(size))));
  OPENSSL_free(der);
  return digest;
}

bool Certificate::IsAuthority() const { return X509_check_ca(x509_.get()) == 1; }

bool Certificate::IsForServers() const {
  const uint32_t usage = X509_get_extended_key_usage(x509_.get());
  return usage != UINT32_MAX && (usage & XKU_SSL_SERVER) != 0;
}

bool Certificate::IsForClients() const {
  const uint32_t usage = X509_get_extended_key_usage(x509_.get());
  return usage != UINT32_MAX && (usage & XKU_SSL_CLIENT) != 0;
}

PublicKey Certificate::public_key() const { return ShareKey(X509_get0_pubkey(x509_.get())); }

absl::StatusOr<CertificateRequest> CertificateRequest::FromPem(std::string_view pem,
                                                               std::string_view what) {
  const BioPtr bio = ReaderOf(pem);
  X509_REQ* raw = PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr);
  if (raw == nullptr) return NotPem(what, "a certificate request");
  CertificateRequest request = CertificateAccess::MakeRequest(raw);
  EVP_PKEY* key = X509_REQ_get0_pubkey(raw);
  CN_RETURN_IF_ERROR(CheckKey(key, what));
  if (X509_REQ_verify(raw, key) != 1) {
    TakeOpensslError();
    return Error(ErrorCode::kBadCertificate,
                 fmt::format("the request {} is not signed by the key inside it", what),
                 "make a new request where the key is; it was changed on its way");
  }
  return request;
}

std::string CertificateRequest::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  CN_CHECK(PEM_write_bio_X509_REQ(bio.get(), request_.get()) == 1);
  return crypto::TextOf(bio.get());
}

std::vector<std::string> CertificateRequest::Uris() const {
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request_.get());
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)));
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  return NamesOfType(names.get(), GEN_URI);
}

PublicKey CertificateRequest::public_key() const {
  return ShareKey(X509_REQ_get0_pubkey(request_.get()));
}

}  // namespace consilium::crypto
