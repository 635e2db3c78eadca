#include "tests/bench/delay_proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "common/base/bounded_queue.h"
#include "common/base/bytes.h"
#include "common/base/check.h"

namespace consilium::bench {
namespace {

constexpr size_t kPieceBytes = size_t{16} * 1024;
constexpr size_t kLeastRoomBytes = size_t{64} * 1024;
constexpr int kSocketBufferBytes = 64 * 1024;  // the link's own buffer is what counts

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

int NewSocket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CN_CHECK(fd >= 0);
  return fd;
}

void Tune(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
}

}  // namespace

class DelayProxy::Pipe {
 public:
  Pipe(int from, int to, const Link& link)
      : from_(from),
        to_(to),
        link_(link),
        room_(kLeastRoomBytes +
              static_cast<size_t>(2 * link.bytes_per_second *
                                  std::chrono::duration<double>(link.one_way).count())) {
    reader_ = std::thread([this] { Read(); });
    writer_ = std::thread([this] { Write(); });
  }
  ~Pipe() {
    reader_.join();
    writer_.join();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

 private:
  struct Piece {
    Instant out;
    Bytes bytes;
  };

  void Read() {
    Instant free_from = clock_.Now();  // when the link has carried what went in before
    for (;;) {
      Bytes bytes(kPieceBytes);
      const ssize_t got = recv(from_, bytes.data(), bytes.size(), 0);
      if (got <= 0) break;
      bytes.resize(static_cast<size_t>(got));
      const auto carried = std::chrono::duration_cast<Duration>(
          std::chrono::duration<double>(static_cast<double>(got) / link_.bytes_per_second));
      free_from = std::max(free_from, clock_.Now()) + carried;
      MutexLock lock(mutex_);
      while (queued_ > 0 && queued_ + bytes.size() > room_) changed_.Wait(mutex_);
      queued_ += bytes.size();
      queue_.push_back({free_from + link_.one_way, std::move(bytes)});
      changed_.NotifyAll();
    }
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }

  void Write() {
    for (;;) {
      Piece piece;
      {
        MutexLock lock(mutex_);
        while (queue_.empty() && !ended_) changed_.Wait(mutex_);
        if (queue_.empty()) break;
        piece = std::move(queue_.front());
        queue_.pop_front();
      }
      never_.PopUntil(piece.out);
      {
        MutexLock lock(mutex_);
        queued_ -= piece.bytes.size();
        changed_.NotifyAll();
      }
      for (ByteSpan left = piece.bytes; !left.empty();) {
        const ssize_t done = send(to_, left.data(), left.size(), MSG_NOSIGNAL);
        if (done <= 0) return;
        left = left.subspan(static_cast<size_t>(done));
      }
    }
    shutdown(to_, SHUT_WR);
  }

  const SystemClock clock_;
  const int from_;
  const int to_;
  const Link link_;
  const size_t room_;
  BoundedQueue<bool> never_{1};
  Mutex mutex_;
  CondVar changed_;
  std::deque<Piece> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_ ABSL_GUARDED_BY(mutex_) = 0;  // bytes
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread reader_;
  std::thread writer_;
};

DelayProxy::DelayProxy(int port, const Link& link) : server_port_(port), link_(link) {
  listener_ = NewSocket();
  sockaddr_in address = Loopback(0);
  constexpr int kBacklog = 64;
  CN_CHECK(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CN_CHECK(listen(listener_, kBacklog) == 0);
  socklen_t length = sizeof address;
  CN_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

DelayProxy::~DelayProxy() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (const int fd : sockets_) shutdown(fd, SHUT_RDWR);
  pipes_.clear();
  for (const int fd : sockets_) close(fd);
  close(listener_);
}

void DelayProxy::Accept() {
  for (;;) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    Connect(client);
  }
}

void DelayProxy::Connect(int client) {
  const int server = NewSocket();
  Tune(client);
  Tune(server);
  sockets_.insert(sockets_.end(), {client, server});
  const sockaddr_in address = Loopback(server_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    shutdown(client, SHUT_RDWR);
    return;
  }
  pipes_.push_back(std::make_unique<Pipe>(client, server, link_));
  pipes_.push_back(std::make_unique<Pipe>(server, client, link_));
}

}  // namespace consilium::bench
