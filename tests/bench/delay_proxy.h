// A link with a delay and a rate, between a site and the server: bytes come out `one_way` after
// they went in, no faster than `bytes_per_second`, in either direction.
//
// It holds what is on the link and a buffer of the same size again, as a router would; then it
// stops reading, so the sender's own window is filled. Threads: two for each direction of each
// connection. The destructor cuts everything.
#ifndef CONSILIUM_TESTS_BENCH_DELAY_PROXY_H_
#define CONSILIUM_TESTS_BENCH_DELAY_PROXY_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"

namespace consilium::bench {

class DelayProxy {
 public:
  struct Link {
    Duration one_way{0};
    double bytes_per_second = 0;
  };
  // Forwards to 127.0.0.1:`port`.
  DelayProxy(int port, const Link& link);
  ~DelayProxy();
  std::string target() const { return "localhost:" + std::to_string(port_); }

 private:
  class Pipe;  // one direction of one connection
  void Accept();
  void Connect(int client);

  const int server_port_;
  const Link link_;
  int listener_ = -1;
  int port_ = 0;
  std::vector<std::unique_ptr<Pipe>> pipes_;  // Accept's thread, then the destructor
  std::vector<int> sockets_;                  // as above
  std::thread acceptor_;
};

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_DELAY_PROXY_H_
