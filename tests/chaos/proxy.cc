#include "tests/chaos/proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace consilium::testing {
namespace {

constexpr size_t kMostHeld = 256 * 1024;  // of a direction; then the sender waits
constexpr auto kDelay = std::chrono::milliseconds(200);
constexpr size_t kThrottledBytes = 1024;
constexpr auto kThrottledPause = std::chrono::milliseconds(50);
constexpr int kLookMs = 10;

sockaddr_in Local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// A close by reset, as of a machine that lost its power and came back.
void Reset(int fd) {
  const linger none{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close(fd);
}

}  // namespace

Proxy::Proxy(int target) : target_(target) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = Local(0);
  socklen_t length = sizeof address;
  bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
  listen(listener_, 64);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

Proxy::~Proxy() {
  stop_ = true;
  thread_.join();
  for (Pair& pair : pairs_) Close(pair, true);
  close(listener_);
}

void Proxy::Close(Pair& pair, bool reset) {
  if (pair.dead) return;
  pair.dead = true;
  for (const int fd : {pair.client, pair.server}) reset ? Reset(fd) : void(close(fd));
}

void Proxy::Accept() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) return;
  if (mode_ == ProxyMode::kRefuse) return Reset(client);
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Local(target_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(server);
    return Reset(client);
  }
  fcntl(server, F_SETFL, O_NONBLOCK);
  Pair& pair = pairs_.emplace_back();
  pair.client = client;
  pair.server = server;
  pair.up.from = pair.down.to = client;
  pair.up.to = pair.down.from = server;
  ++connections_;
}

void Proxy::Read(Way& way, Pair& pair) {
  std::array<char, 16384> block;
  const ssize_t count = recv(way.from, block.data(), block.size(), 0);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) Close(pair, true);
    return;
  }
  way.ended = count == 0;
  if (count == 0) return;
  const auto delay = mode_ == ProxyMode::kDelay ? kDelay : std::chrono::milliseconds(0);
  way.pieces.push_back({Clock::now() + delay, std::string(block.data(), size_t(count))});
  way.held += static_cast<size_t>(count);
}

void Proxy::Write(Way& way, Pair& pair) {
  const Clock::time_point now = Clock::now();
  while (!way.pieces.empty() && way.pieces.front().due <= now && way.free <= now) {
    std::string& bytes = way.pieces.front().bytes;
    const bool slow = mode_ == ProxyMode::kThrottle;
    const ssize_t count =
        send(way.to, bytes.data(), slow ? std::min(bytes.size(), kThrottledBytes) : bytes.size(),
             MSG_NOSIGNAL);
    if (count < 0) {
      if (errno != EAGAIN && errno != EINTR) Close(pair, true);
      return;
    }
    bytes_ += static_cast<uint64_t>(count);
    way.held -= static_cast<size_t>(count);
    bytes.erase(0, static_cast<size_t>(count));
    if (bytes.empty()) way.pieces.pop_front();
    if (slow) way.free = now + kThrottledPause;
  }
  if (way.ended && way.pieces.empty()) Close(pair, false);
}

void Proxy::Run() {
  while (!stop_) {
    std::vector<pollfd> waits = {{listener_, POLLIN, 0}};
    std::vector<std::pair<Way*, Pair*>> readers;
    const bool silent = mode_ == ProxyMode::kSilent;
    for (Pair& pair : pairs_) {
      for (Way* way : {&pair.up, &pair.down}) {
        if (silent || way->ended || way->held > kMostHeld) continue;
        waits.push_back({way->from, POLLIN, 0});
        readers.emplace_back(way, &pair);
      }
    }
    poll(waits.data(), waits.size(), kLookMs);
    if (waits[0].revents != 0) Accept();
    for (size_t i = 1; i < waits.size(); ++i) {
      const auto [way, pair] = readers[i - 1];
      if (waits[i].revents != 0 && !pair->dead) Read(*way, *pair);
    }
    for (Pair& pair : pairs_) {
      if (cut_ && !pair.dead) Close(pair, true);
      for (Way* way : {&pair.up, &pair.down}) {
        if (!silent && !pair.dead) Write(*way, pair);
      }
    }
    cut_ = false;
    pairs_.remove_if([](const Pair& pair) { return pair.dead; });
  }
}

}  // namespace consilium::testing
