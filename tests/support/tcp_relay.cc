#include "tests/support/tcp_relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "common/base/check.h"

namespace consilium::testing {
namespace {

constexpr int kRelayLookMs = 20;  // how soon a change of manners is seen

sockaddr_in LoopbackAt(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

bool SendAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

}  // namespace

int DialTcp(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CN_CHECK(fd >= 0);
  const sockaddr_in address = LoopbackAt(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

TcpRelay::TcpRelay(int server_port) : server_port_(server_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CN_CHECK(listener_ >= 0);
  sockaddr_in address = LoopbackAt(0);
  socklen_t size = sizeof address;
  CN_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  CN_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  CN_CHECK(listen(listener_, 16) == 0);
  CN_CHECK(pipe(wake_) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

TcpRelay::~TcpRelay() {
  close(wake_[1]);  // what Run polls for
  thread_.join();
  close(wake_[0]);
  close(listener_);
}

void TcpRelay::Run() {
  std::vector<Pair> pairs;
  for (;;) {
    std::vector<pollfd> polled = {{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Pair& pair : pairs) {
      polled.push_back({hold_from_client_ ? -1 : pair.client, POLLIN, 0});
      polled.push_back({hold_from_server_ ? -1 : pair.server, POLLIN, 0});
    }
    poll(polled.data(), polled.size(), kRelayLookMs);
    if (polled[0].revents != 0) break;
    std::vector<Pair> left;
    for (size_t i = 0; i < pairs.size(); ++i) {
      bool open = true;
      if (polled[2 + 2 * i].revents != 0) open = Pass(pairs[i], true);
      if (open && polled[3 + 2 * i].revents != 0) open = Pass(pairs[i], false);
      if (open) {
        left.push_back(pairs[i]);
      } else {
        close(pairs[i].client);
        close(pairs[i].server);
      }
    }
    pairs.swap(left);
    if (polled[1].revents != 0) Accept(pairs);
  }
  for (const Pair& pair : pairs) {
    close(pair.client);
    close(pair.server);
  }
}

void TcpRelay::Accept(std::vector<Pair>& pairs) const {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = DialTcp(server_port_);
  if (server < 0) {
    close(client);
    return;
  }
  pairs.push_back({client, server});
}

bool TcpRelay::Pass(const Pair& pair, bool from_client) {
  std::array<char, 16384> buffer;
  const int from = from_client ? pair.client : pair.server;
  const ssize_t got = recv(from, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  if (!from_client) ++pieces_from_server_;
  return SendAll(from_client ? pair.server : pair.client, buffer.data(), static_cast<size_t>(got));
}

}  // namespace consilium::testing
