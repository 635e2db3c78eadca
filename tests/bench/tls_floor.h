// The floor: what the bytes cost with nothing but OpenSSL, one thread on each side.
//
// TLS 1.3, mutual, the suite that our servers speak. For each connection in turn the receiver sends
// `down` bytes, then takes `up` bytes in pieces of 256 KiB, hashes them (SHA-256), writes them to a
// file, adds them to the exact sum, and at the end syncs the file and answers one byte. The
// receiver is a process of its own (tls_floor), so its CPU time is known; the sender is this one.
// This is the only code outside src/common/crypto that calls OpenSSL: a floor that shared our code
// would measure nothing. Not thread-safe.
#ifndef CONSILIUM_TESTS_BENCH_TLS_FLOOR_H_
#define CONSILIUM_TESTS_BENCH_TLS_FLOOR_H_

#include <cstdint>
#include <string>

#include "common/base/bytes.h"
#include "common/pki/tls_files.h"
#include "tests/bench/child.h"

namespace consilium::bench {

// What a connection carries; its first 16 bytes, as they lie in memory.
struct FloorOrder {
  uint64_t down_bytes = 0;
  uint64_t up_bytes = 0;
};

class TlsFloor {
 public:
  struct Cost {
    double wall = 0;
    double cpu = 0;  // the receiver's
  };
  // Starts the receiver; its files go to `folder`.
  TlsFloor(const std::string& folder, const pki::TlsFiles& server, pki::TlsFiles client);

  // `connections` one after the other, each with all of `up`.
  Cost Run(size_t connections, uint64_t down_bytes, ByteSpan up);

 private:
  const pki::TlsFiles client_;
  Child receiver_;
  int port_ = 0;
};

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_TLS_FLOOR_H_
