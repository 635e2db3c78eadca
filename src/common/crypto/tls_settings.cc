#include "common/crypto/tls_settings.h"

#include <fmt/format.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/openssl_handles.h"
#include "common/crypto/secret.h"

namespace consilium::crypto {
namespace {

// MinProtocol would be overridden by gRPC; switching each older version off is not.
constexpr std::string_view kConfiguration =
    "openssl_conf = consilium\n"
    "[consilium]\n"
    "ssl_conf = consilium_tls\n"
    "[consilium_tls]\n"
    "system_default = consilium_tls_defaults\n"
    "[consilium_tls_defaults]\n"
    "Protocol = ALL,-SSLv3,-TLSv1,-TLSv1.1,-TLSv1.2\n"
    "Options = -SessionTicket\n"
    "NumTickets = 0\n"
    "Ciphersuites = TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\n";

constexpr std::string_view kHelp =
    "this process must not speak TLS: check that it uses the system's OpenSSL 3 and that nothing "
    "was preloaded into it (LD_PRELOAD)";

absl::Status Broken(std::string_view what) {
  return Error(ErrorCode::kTlsSettings, fmt::format("OpenSSL did not take our settings: {}", what),
               kHelp);
}

// A file without a name, which only this process can reach, for as long as this lives.
class PrivateConfiguration {
 public:
  PrivateConfiguration() : fd_(memfd_create("consilium-openssl", MFD_CLOEXEC)) {
    if (fd_ < 0 || write(fd_, kConfiguration.data(), kConfiguration.size()) !=
                       static_cast<ssize_t>(kConfiguration.size())) {
      error_ = errno;
    }
  }
  ~PrivateConfiguration() {
    if (fd_ >= 0) close(fd_);
  }
  PrivateConfiguration(const PrivateConfiguration&) = delete;
  PrivateConfiguration& operator=(const PrivateConfiguration&) = delete;
  int error() const { return error_; }
  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

 private:
  const int fd_;
  int error_ = 0;
};

absl::Status Load(const std::string& path) {
  using Settings = std::unique_ptr<OPENSSL_INIT_SETTINGS, FreeWith<OPENSSL_INIT_free>>;
  const Settings settings(OPENSSL_INIT_new());
  if (settings == nullptr || OPENSSL_INIT_set_config_filename(settings.get(), path.c_str()) != 1) {
    return Broken("out of memory");
  }
  // Flags 0: a file that is missing or wrong is an error, not a default.
  OPENSSL_INIT_set_config_file_flags(settings.get(), 0);
  // gRPC's threads outlive main: OpenSSL must not be taken down under them at exit.
  if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, settings.get()) != 1) {
    return Broken(TakeOpensslError());
  }
  // When something hashed before this call, OpenSSL has read the machine's own file by then and
  // ignores ours: load it over that.
  if (!CheckTlsSettings().ok() && CONF_modules_load_file(path.c_str(), nullptr, 0) != 1) {
    return Broken(TakeOpensslError());
  }
  return absl::OkStatus();
}

absl::Status InitOnce() {
  const PrivateConfiguration configuration;
  if (configuration.error() != 0) return Broken(std::strerror(configuration.error()));
  if (CRYPTO_secure_malloc_initialized() == 0) {
    // Refused where locked memory is not allowed (RLIMIT_MEMLOCK); keys are wiped all the same.
    CRYPTO_secure_malloc_init(kSecureHeapBytes, 32);
  }
  CN_RETURN_IF_ERROR(Load(configuration.path()));
  return CheckTlsSettings();
}

}  // namespace

absl::Status InitTls() {
  static const absl::Status result = InitOnce();
  return result;
}

absl::Status CheckTlsSettings() {
  using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
  const ContextPtr context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return Broken(TakeOpensslError());
  const uint64_t options = SSL_CTX_get_options(context.get());
  constexpr uint64_t kOlder =
      SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2;
  if ((options & kOlder) != kOlder) return Broken("TLS 1.2 or older is still allowed");
  if ((options & SSL_OP_NO_TLSv1_3) != 0) return Broken("TLS 1.3 is switched off");
  if ((options & SSL_OP_NO_TICKET) == 0 || SSL_CTX_get_num_tickets(context.get()) != 0) {
    return Broken("session tickets are still given out");
  }
  const STACK_OF(SSL_CIPHER)* suites = SSL_CTX_get_ciphers(context.get());
  if (sk_SSL_CIPHER_num(suites) == 0 || std::string_view(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(
                                            suites, 0))) != "TLS_AES_128_GCM_SHA256") {
    return Broken("the cipher suites are not ours");
  }
  return absl::OkStatus();
}

}  // namespace consilium::crypto
