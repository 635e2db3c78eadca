// A program of this build that runs beside the benchmark: started, looked at, killed.
//
// Not thread-safe. The destructor kills what still runs and waits for it.
#ifndef CONSILIUM_TESTS_BENCH_CHILD_H_
#define CONSILIUM_TESTS_BENCH_CHILD_H_

#include <string>
#include <vector>

namespace consilium::bench {

class Child {
 public:
  Child() = default;
  ~Child() { Kill(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // `words[0]` names a program of this build's bin folder. Its output goes to the end of the file
  // `log`. REQUIRES: none runs.
  void Start(const std::vector<std::string>& words, const std::string& log);
  void Kill();  // SIGKILL
  void Stop();  // SIGTERM
  int pid() const { return pid_; }
  bool HasEnded();  // looks, does not wait

 private:
  void Signal(int signal);
  int pid_ = 0;
};

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_CHILD_H_
