// A TCP proxy on localhost that treats what passes as a bad network does: it delays, throttles,
// goes silent while all stays open (half-open), refuses, and cuts.
//
// One thread, started by Start and joined by the destructor. The methods may be called from any
// thread. Bytes are never changed, lost or reordered within a connection that lives.
#ifndef CONSILIUM_TESTS_CHAOS_PROXY_H_
#define CONSILIUM_TESTS_CHAOS_PROXY_H_

#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <thread>
#include <vector>

namespace consilium::testing {

enum class ProxyMode {
  kPass,
  kDelay,     // each piece 200 ms later
  kThrottle,  // 20 KB/s a direction
  kSilent,    // nothing passes, nothing ends
  kRefuse,    // what comes anew is reset
};

class Proxy {
 public:
  // Listens on a port of the machine's choice and forwards to 127.0.0.1:`target`.
  explicit Proxy(int target);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  int port() const { return port_; }
  void Set(ProxyMode mode) { mode_ = mode; }
  void Cut() { cut_ = true; }  // every connection that there is, by a reset
  uint64_t connections() const { return connections_; }
  uint64_t bytes() const { return bytes_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Piece {
    Clock::time_point due;
    std::string bytes;
  };
  struct Way {  // one direction
    int from = -1;
    int to = -1;
    std::deque<Piece> pieces;
    size_t held = 0;  // bytes in them
    bool ended = false;
    Clock::time_point free{};  // throttled until
  };
  struct Pair {
    int client = -1;
    int server = -1;
    Way up, down;
    bool dead = false;
  };

  void Run();
  void Accept();
  void Read(Way& way, Pair& pair);
  void Write(Way& way, Pair& pair);
  void Close(Pair& pair, bool reset);

  const int target_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<ProxyMode> mode_ = ProxyMode::kPass;
  std::atomic<bool> cut_ = false;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> connections_ = 0;
  std::atomic<uint64_t> bytes_ = 0;
  std::list<Pair> pairs_;  // the thread's
  std::thread thread_;
};

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_CHAOS_PROXY_H_
