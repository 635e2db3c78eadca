#include "tests/common/crypto/tls_dial.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "common/base/check.h"

namespace consilium::testing {
namespace {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;

constexpr unsigned char kAlpn[] = {2, 'h', '2'};
constexpr int kPatienceSeconds = 20;  // only a hang meets it

int BindLoopback(int* port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CN_CHECK(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  CN_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  CN_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  *port = ntohs(address.sin_port);
  return fd;
}

int ConnectLoopback(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CN_CHECK(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const timeval patience = {kPatienceSeconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

void UseFiles(SSL_CTX* context, const TlsPemFiles& files) {
  CN_CHECK(SSL_CTX_load_verify_locations(context, files.ca.c_str(), nullptr) == 1);
  if (files.cert.empty()) return;
  CN_CHECK(SSL_CTX_use_certificate_chain_file(context, files.cert.c_str()) == 1);
  CN_CHECK(SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1);
}

std::string Reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "closed" : reason;
}

int CountTicket(SSL* ssl, SSL_SESSION*) {
  ++*static_cast<int*>(SSL_get_app_data(ssl));
  return 0;  // not kept
}

std::string SerialOf(const SSL* ssl) {
  X509* x509 = SSL_get1_peer_certificate(ssl);
  if (x509 == nullptr) return "";
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), nullptr);
  char* hex = BN_bn2hex(number);
  std::string text = hex;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  OPENSSL_free(hex);
  BN_free(number);
  X509_free(x509);
  return text;
}

// This process restricted itself to TLS 1.3 without tickets; a stranger has not.
void SpeakOnly(SSL_CTX* context, TlsVersion version) {
  SSL_CTX_clear_options(context, SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TICKET);
  const int wanted = version == TlsVersion::k12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  CN_CHECK(SSL_CTX_set_min_proto_version(context, wanted) == 1);
  CN_CHECK(SSL_CTX_set_max_proto_version(context, wanted) == 1);
}

ContextPtr ClientContext(const TlsPemFiles& files, TlsVersion version) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  CN_CHECK(context != nullptr);
  SpeakOnly(context.get(), version);
  CN_CHECK(SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof kAlpn) == 0);
  UseFiles(context.get(), files);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context.get(), CountTicket);
  return context;
}

// NOLINTNEXTLINE(readability-function-size): OpenSSL's signature.
int SelectH2(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
             unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof kAlpn, in, in_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

TlsDialed DialTls(int port, const TlsPemFiles& files, TlsVersion version) {
  TlsDialed dialed;
  const ContextPtr context = ClientContext(files, version);
  const SslPtr ssl(SSL_new(context.get()));
  const int fd = ConnectLoopback(port);
  if (fd < 0) {
    dialed.error = "refused";
    return dialed;
  }
  SSL_set_app_data(ssl.get(), &dialed.tickets);
  CN_CHECK(SSL_set_fd(ssl.get(), fd) == 1);
  dialed.connected = SSL_connect(ssl.get()) == 1;
  if (dialed.connected) {
    dialed.version = SSL_get_version(ssl.get());
    dialed.cipher = SSL_get_cipher_name(ssl.get());
    dialed.peer_serial = SerialOf(ssl.get());
    // The server's HTTP/2 settings come after any ticket; a refused certificate shows here.
    char first = 0;
    if (SSL_read(ssl.get(), &first, 1) != 1) dialed.error = Reason();
  } else {
    dialed.error = Reason();
  }
  close(fd);
  return dialed;
}

bool TlsThenSilence(int port, const TlsPemFiles& files) {
  const ContextPtr context = ClientContext(files, TlsVersion::k13);
  const SslPtr ssl(SSL_new(context.get()));
  const int fd = ConnectLoopback(port);
  int tickets = 0;
  SSL_set_app_data(ssl.get(), &tickets);
  CN_CHECK(fd >= 0 && SSL_set_fd(ssl.get(), fd) == 1 && SSL_connect(ssl.get()) == 1);
  char ignored[256];
  int got = 1;
  while (got > 0) got = SSL_read(ssl.get(), ignored, sizeof ignored);
  // The socket's own patience ends a read as "try again".
  const bool hung_up = SSL_get_error(ssl.get(), got) != SSL_ERROR_WANT_READ;
  ERR_clear_error();
  close(fd);
  return hung_up;
}

TlsCounter::TlsCounter(const TlsPemFiles& files, TlsVersion version) {
  listener_ = BindLoopback(&port_);
  CN_CHECK(listen(listener_, 1) == 0);
  thread_ = std::thread([this, files, version] { Serve(files, version); });
}

TlsCounter::~TlsCounter() { Join(); }

void TlsCounter::Join() {
  if (!thread_.joinable()) return;
  thread_.join();
  close(listener_);
}

void TlsCounter::Serve(const TlsPemFiles& files, TlsVersion version) {
  sigset_t pipe;  // a peer that hangs up at once is what some tests are about
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  const ContextPtr context(SSL_CTX_new(TLS_server_method()));
  SpeakOnly(context.get(), version);
  UseFiles(context.get(), files);
  SSL_CTX_set_alpn_select_cb(context.get(), SelectH2, nullptr);
  pollfd waiting = {listener_, POLLIN, 0};
  if (poll(&waiting, 1, kPatienceSeconds * 1000) != 1) return;
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  const timeval patience = {kPatienceSeconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const SslPtr ssl(SSL_new(context.get()));
  CN_CHECK(SSL_set_fd(ssl.get(), fd) == 1);
  shook_hands_ = SSL_accept(ssl.get()) == 1;
  char buffer[4096];
  if (shook_hands_) {
    SSL_write(ssl.get(), "x", 1);  // what DialTls waits for
    // One read is enough to know.
    bytes_ = static_cast<size_t>(std::max(0, SSL_read(ssl.get(), buffer, sizeof buffer)));
  }
  ERR_clear_error();
  close(fd);
}

RefusingPort::RefusingPort() { fd_ = BindLoopback(&port_); }
RefusingPort::~RefusingPort() { close(fd_); }

}  // namespace consilium::testing
