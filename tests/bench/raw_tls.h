// The few calls of OpenSSL that sender and receiver of the floor share. Any failure ends the
// process. Not thread-safe.
#ifndef CONSILIUM_TESTS_BENCH_RAW_TLS_H_
#define CONSILIUM_TESTS_BENCH_RAW_TLS_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <span>

#include "common/base/bytes.h"
#include "common/pki/tls_files.h"

namespace consilium::bench {

// Before InitProcess: room for the private keys of thousands of sites in one process. The secure
// heap of a process of ours is for its own few keys, and full after 1,256.
void EnlargeSecureHeap();

// Mutual TLS 1.3, TLS_AES_128_GCM_SHA256, no tickets. Never freed.
SSL_CTX* RawContext(const pki::TlsFiles& files, bool server);

// One connection over a connected socket, which it owns; the handshake is done when it returns.
class RawTls {
 public:
  RawTls(SSL_CTX* context, int socket, bool server);
  ~RawTls();
  RawTls(const RawTls&) = delete;
  RawTls& operator=(const RawTls&) = delete;
  void Write(ByteSpan bytes);
  void Read(std::span<std::byte> out);  // fills it

 private:
  const int socket_;
  SSL* const ssl_;
};

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_RAW_TLS_H_
