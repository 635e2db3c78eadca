#include "tests/bench/tls_floor.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/base/check.h"
#include "tests/bench/figures.h"
#include "tests/bench/raw_tls.h"

namespace consilium::bench {
namespace {

int Dial(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  CN_CHECK(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace

TlsFloor::TlsFloor(const std::string& folder, const pki::TlsFiles& server, pki::TlsFiles client)
    : client_(std::move(client)) {
  const std::string port_file = folder + "/floor.port";
  std::filesystem::remove(port_file);
  receiver_.Start({"tls_floor", server.cert, server.key, server.ca, folder}, folder + "/floor.log");
  while (port_ == 0) {
    CN_CHECK(!receiver_.HasEnded());
    BoundedQueue<bool>(1).PopFor(std::chrono::milliseconds(2));
    std::ifstream(port_file) >> port_;
  }
}

TlsFloor::Cost TlsFloor::Run(size_t connections, uint64_t down_bytes, ByteSpan up) {
  SSL_CTX* const context = RawContext(client_, /*server=*/false);
  std::vector<std::byte> down(size_t{256} * 1024);
  const double cpu = CpuSecondsOf(receiver_.pid());
  const double wall = WallSeconds();
  for (size_t i = 0; i < connections; ++i) {
    RawTls connection(context, Dial(port_), /*server=*/false);
    const FloorOrder order{down_bytes, up.size()};
    connection.Write(std::as_bytes(std::span(&order, 1)));
    for (uint64_t left = down_bytes; left > 0;) {
      const size_t piece = std::min<uint64_t>(left, down.size());
      connection.Read(std::span(down).first(piece));
      left -= piece;
    }
    connection.Write(up);
    connection.Read(std::span(down).first(1));
  }
  const Cost cost{WallSeconds() - wall, CpuSecondsOf(receiver_.pid()) - cpu};
  SSL_CTX_free(context);
  return cost;
}

}  // namespace consilium::bench
