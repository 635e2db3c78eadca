// TLS spoken by hand, without gRPC: a client that can insist on an old version and counts tickets,
// and a server that counts what arrives after the handshake.
#ifndef CONSILIUM_TESTS_COMMON_CRYPTO_TLS_DIAL_H_
#define CONSILIUM_TESTS_COMMON_CRYPTO_TLS_DIAL_H_

#include <cstddef>
#include <string>
#include <thread>

namespace consilium::testing {

struct TlsPemFiles {
  std::string cert;  // empty: none is shown
  std::string key;
  std::string ca;
};

enum class TlsVersion { k12, k13 };

struct TlsDialed {
  bool connected = false;  // the handshake was completed, as this end saw it
  std::string error;       // OpenSSL's reason when not
  std::string version;     // "TLSv1.3"
  std::string cipher;
  int tickets = 0;          // session tickets the server sent before it answered or hung up
  std::string peer_serial;  // hex
};
// Dials 127.0.0.1:port with exactly this version, offers ALPN h2, and waits for the server's first
// bytes. The context undoes every restriction that this process set for itself.
TlsDialed DialTls(int port, const TlsPemFiles& files, TlsVersion version);

// Completes the handshake and says nothing more; true when the server hangs up.
bool TlsThenSilence(int port, const TlsPemFiles& files);

// Listens on a free port of 127.0.0.1 and serves one connection in a thread of its own.
class TlsCounter {
 public:
  // Speaks exactly this version.
  explicit TlsCounter(const TlsPemFiles& files, TlsVersion version = TlsVersion::k13);
  ~TlsCounter();
  TlsCounter(const TlsCounter&) = delete;
  TlsCounter& operator=(const TlsCounter&) = delete;
  int port() const { return port_; }
  // Waits until the peer has gone.
  void Join();
  // After Join: whether the handshake was completed, and the bytes that came after it.
  bool shook_hands() const { return shook_hands_; }
  size_t bytes() const { return bytes_; }

 private:
  void Serve(const TlsPemFiles& files, TlsVersion version);
  int listener_ = -1;
  int port_ = 0;
  bool shook_hands_ = false;
  size_t bytes_ = 0;
  std::thread thread_;
};

// A TCP port of 127.0.0.1 that is taken and refuses connections, for as long as this lives.
class RefusingPort {
 public:
  RefusingPort();
  ~RefusingPort();
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;
  int port() const { return port_; }

 private:
  int fd_ = -1;
  int port_ = 0;
};

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_COMMON_CRYPTO_TLS_DIAL_H_
