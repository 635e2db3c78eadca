// A TCP relay between a client and a server of this machine that can turn bad: what it holds back
// is neither lost nor closed, as on a line that went dead without a word.
#ifndef CONSILIUM_TESTS_SUPPORT_TCP_RELAY_H_
#define CONSILIUM_TESTS_SUPPORT_TCP_RELAY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace consilium::testing {

class TcpRelay {
 public:
  // Listens on a free port of 127.0.0.1; each connection to it becomes one to `server_port`.
  explicit TcpRelay(int server_port);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  int port() const { return port_; }
  // From now on nothing more goes this way; the connections stay open.
  void HoldBackFromClient() { hold_from_client_ = true; }
  void HoldBackFromServer() { hold_from_server_ = true; }
  // Pieces that came from the server and were passed on.
  uint64_t pieces_from_server() const { return pieces_from_server_; }

 private:
  struct Pair {
    int client;
    int server;
  };
  void Run();
  void Accept(std::vector<Pair>& pairs) const;
  // False when the connection has ended.
  bool Pass(const Pair& pair, bool from_client);

  const int server_port_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  int port_ = 0;
  std::atomic<bool> hold_from_client_{false};
  std::atomic<bool> hold_from_server_{false};
  std::atomic<uint64_t> pieces_from_server_{0};
  std::thread thread_;
};

// A TCP connection to a port of 127.0.0.1, without a word; -1 when it is refused.
int DialTcp(int port);

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_SUPPORT_TCP_RELAY_H_
