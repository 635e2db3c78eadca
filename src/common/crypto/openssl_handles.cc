#include "common/crypto/openssl_handles.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <string_view>

#include "common/base/check.h"

namespace consilium::crypto {

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size <= 0 ? std::string() : std::string(data, static_cast<size_t>(size));
}

BioPtr ReaderOf(std::string_view text) {
  const char* const data = text.empty() ? "" : text.data();  // it refuses a null pointer
  BioPtr bio(BIO_new_mem_buf(data, static_cast<int>(text.size())));
  CN_CHECK(bio != nullptr);
  return bio;
}

std::string TakeOpensslError() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

bool IsOurKind(const EVP_PKEY* key) {
  if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) return true;
  if (EVP_PKEY_get_id(key) != EVP_PKEY_EC) return false;
  char group[64] = {};
  size_t length = 0;
  return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                        &length) == 1 &&
         std::string_view(group, length) == SN_X9_62_prime256v1;
}

}  // namespace consilium::crypto
