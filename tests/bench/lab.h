// A federation for a benchmark: certificates of our own authority and a real consilium-server.
//
// Certificates lie in memory (/dev/shm), the server's data in the benchmark's work folder (or in
// memory, to see what the disk costs). All of it is removed at the end. Not thread-safe.
#ifndef CONSILIUM_TESTS_BENCH_LAB_H_
#define CONSILIUM_TESTS_BENCH_LAB_H_

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/pki/authority.h"
#include "tests/bench/child.h"

namespace consilium::bench {

class Lab {
 public:
  struct Options {
    std::string work;
    size_t sites = 1;
    bool data_in_memory = false;
    std::string transport_memory = "96MiB";  // [limits] of the server
  };
  explicit Lab(const Options& options);
  ~Lab();

  // Listens when it returns; on the same port after the first time.
  void StartServer();
  Child& server() { return server_; }
  int server_pid() const { return server_.pid(); }
  const std::string& target() const { return target_; }  // "localhost:port"
  void RemoveData();                                     // REQUIRES: no server runs

  const std::string& federation() const { return authority_->federation(); }
  const Clock& clock() const { return clock_; }
  SiteId Site(size_t index) const;
  pki::TlsFiles SiteFiles(size_t index) const;
  const pki::TlsFiles& server_files() const { return server_files_; }

  JobId Submit(const std::string& job_text);
  // Until the job has ended; it must be done.
  void WaitUntilDone(const JobId& job);

 private:
  const SystemClock clock_;
  std::string pki_folder_;
  std::string data_folder_;
  std::string transport_memory_;
  std::string log_;
  std::unique_ptr<pki::Authority> authority_;
  pki::TlsFiles server_files_;
  pki::TlsFiles researcher_files_;
  Child server_;
  std::string target_;
  uint8_t nonce_ = 0;
};

// A job whose only cost is moving its model: no statistics. About `parameters` float32.
std::string JobText(uint64_t parameters, uint32_t rounds, size_t sites);

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_LAB_H_
