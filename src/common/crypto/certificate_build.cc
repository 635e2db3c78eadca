// The making half of certificate.h: authorities, leaves, requests, and the check of a chain.
#include <fmt/format.h>

#include <array>
#include <cctype>
#include <ctime>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/certificate.h"
#include "common/crypto/openssl_handles.h"
#include "common/crypto/sha256.h"

namespace consilium::crypto {
namespace {

using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;

// For steps that fail only when memory runs out.
void Must(int result) { CN_CHECK(result == 1); }

bool IsDnsName(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  size_t label = 0;
  char last = '.';
  for (const char c : name) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (c == '.' ? label == 0 || last == '-' : !letter && (c != '-' || label == 0)) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
    last = c;
  }
  return label > 0 && last != '-';
}

// Takes `value` whatever happens.
void AddName(GENERAL_NAMES* names, int type, ASN1_STRING* value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  CN_CHECK(name != nullptr && value != nullptr);
  GENERAL_NAME_set0_value(name, type, value);
  CN_CHECK(sk_GENERAL_NAME_push(names, name) > 0);
}

ASN1_STRING* Ia5(std::string_view text) {
  ASN1_STRING* value = ASN1_IA5STRING_new();
  CN_CHECK(value != nullptr);
  Must(ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())));
  return value;
}

absl::StatusOr<NamesPtr> NamesOf(const LeafSpec& spec) {
  NamesPtr names(sk_GENERAL_NAME_new_null());
  CN_CHECK(names != nullptr);
  if (spec.uris.size() + spec.dns_names.size() + spec.ip_addresses.size() > kMaxNames) {
    return Error(ErrorCode::kUsage, fmt::format("a certificate holds at most {} names", kMaxNames));
  }
  for (const std::string& uri : spec.uris) AddName(names.get(), GEN_URI, Ia5(uri));
  for (const std::string& dns : spec.dns_names) {
    if (!IsDnsName(dns)) {
      return Error(ErrorCode::kUsage,
                   fmt::format("`{}` is not a DNS name, want one like fl.hospital.org", dns),
                   "give an address as --ip; wildcards are not issued");
    }
    AddName(names.get(), GEN_DNS, Ia5(dns));
  }
  for (const std::string& ip : spec.ip_addresses) {
    ASN1_OCTET_STRING* value = a2i_IPADDRESS(ip.c_str());
    if (value == nullptr) {
      TakeOpensslError();
      return Error(ErrorCode::kUsage,
                   fmt::format("`{}` is not an IP address, want one like 10.0.0.5 or ::1", ip),
                   "give a name as --dns");
    }
    AddName(names.get(), GEN_IPADD, value);
  }
  return names;
}

absl::Status AddEntry(X509_NAME* name, const char* field, const std::string& value) {
  if (value.empty()) return absl::OkStatus();
  if (X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(value.data()),
                                 static_cast<int>(value.size()), -1, 0) == 1) {
    return absl::OkStatus();
  }
  return Error(
      ErrorCode::kUsage,
      fmt::format("`{}` cannot stand in a certificate's {} ({})", value, field, TakeOpensslError()),
      "X.509 allows at most 64 bytes of UTF-8 there");
}

void AddTexts(X509* x509, X509* issuer, std::initializer_list<std::pair<int, const char*>> texts) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  for (const auto& [nid, text] : texts) {
    const ExtensionPtr extension(X509V3_EXT_nconf_nid(nullptr, &context, nid, text));
    CN_CHECK(extension != nullptr);
    Must(X509_add_ext(x509, extension.get(), -1));
  }
}

// A random positive serial of 128 bits: no counter to keep, nothing to guess (CA/B 7.1).
void SetSerial(X509* x509) {
  std::array<std::byte, 16> random;
  FillRandom(random);
  BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(random.data()),
                             static_cast<int>(random.size()), nullptr);
  CN_CHECK(number != nullptr);
  CN_CHECK(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nullptr);
  BN_free(number);
}

struct Frame {
  const std::string& organization;
  const std::string& common_name;
  UtcMillis now;
  UtcMillis not_after;
};

// Version, serial, times, key and subject: what authority and leaf have in common.
absl::StatusOr<X509Ptr> Begin(const Frame& frame, EVP_PKEY* holder) {
  X509Ptr x509(X509_new());
  CN_CHECK(x509 != nullptr);
  Must(X509_set_version(x509.get(), X509_VERSION_3));
  SetSerial(x509.get());
  CN_CHECK(ASN1_TIME_set(X509_getm_notBefore(x509.get()),
                         static_cast<time_t>((frame.now - kBackdateMs) / 1000)) != nullptr);
  CN_CHECK(ASN1_TIME_set(X509_getm_notAfter(x509.get()),
                         static_cast<time_t>(frame.not_after / 1000)) != nullptr);
  Must(X509_set_pubkey(x509.get(), holder));
  X509_NAME* subject = X509_get_subject_name(x509.get());
  CN_RETURN_IF_ERROR(AddEntry(subject, "O", frame.organization));
  CN_RETURN_IF_ERROR(AddEntry(subject, "CN", frame.common_name));
  return x509;
}

}  // namespace

absl::StatusOr<Certificate> MakeAuthority(const AuthoritySpec& spec, const PrivateKey& key) {
  EVP_PKEY* const pkey = KeyAccess::Of(key);
  CN_ASSIGN_OR_RETURN(X509Ptr x509,
                      Begin({spec.organization, spec.common_name, spec.now, spec.not_after}, pkey));
  Must(X509_set_issuer_name(x509.get(), X509_get_subject_name(x509.get())));
  AddTexts(x509.get(), x509.get(),
           {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
            {NID_key_usage, "critical,keyCertSign,cRLSign"},
            {NID_subject_key_identifier, "hash"},
            {NID_authority_key_identifier, "keyid:always"}});
  LeafSpec own;
  own.uris = {spec.uri};
  CN_ASSIGN_OR_RETURN(const NamesPtr names, NamesOf(own));
  Must(X509_add1_ext_i2d(x509.get(), NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT));
  CN_CHECK(X509_sign(x509.get(), pkey, EVP_sha256()) > 0);
  return CertificateAccess::Make(x509.release());
}

absl::StatusOr<Certificate> MakeLeaf(const LeafSpec& spec, const PublicKey& holder,
                                     const Certificate& authority,
                                     const PrivateKey& authority_key) {
  CN_ASSIGN_OR_RETURN(const NamesPtr names, NamesOf(spec));
  CN_ASSIGN_OR_RETURN(X509Ptr x509,
                      Begin({spec.organization, spec.common_name, spec.now, spec.not_after},
                            KeyAccess::Of(holder)));
  X509* const issuer = CertificateAccess::Of(authority);
  Must(X509_set_issuer_name(x509.get(), X509_get_subject_name(issuer)));
  AddTexts(x509.get(), issuer,
           {{NID_basic_constraints, "critical,CA:FALSE"},
            {NID_key_usage, "critical,digitalSignature"},
            {NID_ext_key_usage, spec.for_server ? "serverAuth" : "clientAuth"},
            {NID_subject_key_identifier, "hash"},
            {NID_authority_key_identifier, "keyid:always"}});
  if (sk_GENERAL_NAME_num(names.get()) > 0) {
    Must(X509_add1_ext_i2d(x509.get(), NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT));
  }
  CN_CHECK(X509_sign(x509.get(), KeyAccess::Of(authority_key), EVP_sha256()) > 0);
  return CertificateAccess::Make(x509.release());
}

CertificateRequest CertificateRequest::Make(const PrivateKey& key, const std::string& uri) {
  X509_REQ* request = X509_REQ_new();
  CN_CHECK(request != nullptr);
  CertificateRequest result = CertificateAccess::MakeRequest(request);
  Must(X509_REQ_set_version(request, X509_REQ_VERSION_1));
  Must(X509_REQ_set_pubkey(request, KeyAccess::Of(key)));
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  AddName(names.get(), GEN_URI, Ia5(uri));
  STACK_OF(X509_EXTENSION)* extensions = nullptr;
  Must(X509V3_add1_i2d(&extensions, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT));
  Must(X509_REQ_add_extensions(request, extensions));
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  const EVP_MD* const digest = key.kind() == KeyKind::kTls ? EVP_sha256() : nullptr;
  CN_CHECK(X509_REQ_sign(request, KeyAccess::Of(key), digest) > 0);
  return result;
}

absl::Status VerifyChain(const std::vector<Certificate>& chain,
                         const std::vector<Certificate>& roots) {
  CN_CHECK(!chain.empty());
  using StorePtr = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
  using ContextPtr = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;
  const StorePtr store(X509_STORE_new());
  const ContextPtr context(X509_STORE_CTX_new());
  STACK_OF(X509)* between = sk_X509_new_null();
  CN_CHECK(store != nullptr && context != nullptr && between != nullptr);
  for (const Certificate& root : roots) {
    X509_STORE_add_cert(store.get(), CertificateAccess::Of(root));
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    CN_CHECK(sk_X509_push(between, CertificateAccess::Of(chain[i])) > 0);
  }
  Must(X509_STORE_CTX_init(context.get(), store.get(), CertificateAccess::Of(chain[0]), between));
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME);
  const bool good = X509_verify_cert(context.get()) == 1;
  const int reason = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(between);
  TakeOpensslError();
  if (good) return absl::OkStatus();
  return Error(ErrorCode::kBadCertificate, X509_verify_cert_error_string(reason));
}

}  // namespace consilium::crypto
