// A program of this build that a test starts, stops and kills, by its own pid.
#ifndef CONSILIUM_TESTS_CHAOS_PROCESS_H_
#define CONSILIUM_TESTS_CHAOS_PROCESS_H_

#include <signal.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace consilium::testing {

// Not thread-safe. The destructor kills it.
class Process {
 public:
  // `argv[0]` is a name in this build's bin. Its output is appended to `log`.
  Process(std::vector<std::string> argv, std::string log);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Start();  // unless it runs
  bool Runs();
  void Signal(int signal);  // to a running one
  void Kill();              // SIGKILL, and takes it in
  bool Stop();              // SIGTERM; false when it had to be killed

 private:
  const std::vector<std::string> argv_;
  const std::string log_;
  pid_t pid_ = 0;
};

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_CHAOS_PROCESS_H_
