#include "tests/bench/raw_tls.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include "common/base/check.h"

namespace consilium::bench {
namespace {

constexpr size_t kReadAheadBytes = size_t{256} * 1024;  // fewer calls of recv: a better floor

}  // namespace

void EnlargeSecureHeap() {
  constexpr size_t kHeapBytes = size_t{256} * 1024 * 1024;
  constexpr size_t kLeastBytes = 32;
  CN_CHECK(CRYPTO_secure_malloc_init(kHeapBytes, kLeastBytes) != 0);
}

SSL_CTX* RawContext(const pki::TlsFiles& files, bool server) {
  SSL_CTX* const context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
  CN_CHECK(context != nullptr);
  CN_CHECK(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
  CN_CHECK(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1);
  CN_CHECK(SSL_CTX_set_num_tickets(context, 0) == 1);
  CN_CHECK(SSL_CTX_use_certificate_chain_file(context, files.cert.c_str()) == 1);
  CN_CHECK(SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1);
  CN_CHECK(SSL_CTX_load_verify_locations(context, files.ca.c_str(), nullptr) == 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAheadBytes);
  return context;
}

RawTls::RawTls(SSL_CTX* context, int socket, bool server)
    : socket_(socket), ssl_(SSL_new(context)) {
  CN_CHECK(ssl_ != nullptr && SSL_set_fd(ssl_, socket) == 1);
  CN_CHECK((server ? SSL_accept(ssl_) : SSL_connect(ssl_)) == 1);
}

RawTls::~RawTls() {
  SSL_shutdown(ssl_);
  SSL_free(ssl_);
  close(socket_);
}

void RawTls::Write(ByteSpan bytes) {
  while (!bytes.empty()) {
    size_t done = 0;
    CN_CHECK(SSL_write_ex(ssl_, bytes.data(), bytes.size(), &done) == 1);
    bytes = bytes.subspan(done);
  }
}

void RawTls::Read(std::span<std::byte> out) {
  while (!out.empty()) {
    size_t done = 0;
    CN_CHECK(SSL_read_ex(ssl_, out.data(), out.size(), &done) == 1);
    out = out.subspan(done);
  }
}

}  // namespace consilium::bench
