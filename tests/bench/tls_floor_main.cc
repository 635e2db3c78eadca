// The receiver of the floor (tls_floor.h): tls_floor CERT KEY CA FOLDER
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/crypto/sha256.h"
#include "common/sum/exact_sum.h"
#include "tests/bench/figures.h"
#include "tests/bench/raw_tls.h"
#include "tests/bench/tls_floor.h"

namespace consilium::bench {
namespace {

constexpr size_t kPieceBytes = size_t{256} * 1024;

int Listen(const std::string& folder) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  constexpr int kBacklog = 1024;
  CN_CHECK(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CN_CHECK(listen(fd, kBacklog) == 0);
  socklen_t length = sizeof address;
  CN_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  std::ofstream(folder + "/floor.port") << ntohs(address.sin_port) << "\n";
  return fd;
}

// Receives, hashes, writes, adds, syncs.
class Receiver {
 public:
  explicit Receiver(std::string folder) : path_(std::move(folder) + "/floor.update") {}

  void Serve(RawTls& connection) {
    FloorOrder order;
    connection.Read(std::as_writable_bytes(std::span(&order, 1)));
    for (uint64_t left = order.down_bytes; left > 0;) {
      const size_t piece = std::min<uint64_t>(left, buffer_.size());
      connection.Write(ByteSpan(buffer_).first(piece));
      left -= piece;
    }
    if (order.up_bytes > 0) Take(connection, order.up_bytes);
    connection.Write(ByteSpan(buffer_).first(1));
  }

 private:
  void Take(RawTls& connection, uint64_t bytes) {
    if (!sum_ || bytes != sum_bytes_) {
      const auto elements = static_cast<uint32_t>(bytes / sizeof(float));
      sum_ = Must(sum::ExactSum::Create(
          Must(tensor::Layout::Create({{.name = "w", .shape = {elements}}})), {}));
      sum_bytes_ = bytes;
    }
    constexpr mode_t kMode = 0600;
    const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
    CN_CHECK(file >= 0);
    crypto::Sha256 hash;
    for (uint64_t offset = 0; offset < bytes;) {
      const auto piece =
          std::span(buffer_).first(std::min<uint64_t>(buffer_.size(), bytes - offset));
      connection.Read(piece);
      hash.Update(piece);
      CN_CHECK(write(file, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()));
      const sum::ExactSum::WeightedBlock block{1, piece};
      sum_->AccumulateBlock(offset, {&block, 1});
      offset += piece.size();
    }
    CN_CHECK(fdatasync(file) == 0 && close(file) == 0);
    last_ = hash.Current();
  }

  const std::string path_;
  Bytes buffer_ = Bytes(kPieceBytes);
  std::optional<sum::ExactSum> sum_;
  uint64_t sum_bytes_ = 0;
  Digest last_;
};

}  // namespace
}  // namespace consilium::bench

int main(int argc, char** argv) {
  using namespace consilium::bench;
  if (argc != 5) {
    std::fputs("usage: tls_floor CERT KEY CA FOLDER\n", stderr);
    return 4;
  }
  SSL_CTX* const context = RawContext({argv[1], argv[2], argv[3]}, /*server=*/true);
  Receiver receiver(argv[4]);
  const int listener = Listen(argv[4]);
  for (;;) {
    const int socket = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return 1;
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    RawTls connection(context, socket, /*server=*/true);
    receiver.Serve(connection);
  }
}
