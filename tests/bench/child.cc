#include "tests/bench/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "common/base/check.h"

namespace consilium::bench {

void Child::Start(const std::vector<std::string>& words, const std::string& log) {
  CN_CHECK(pid_ == 0 && !words.empty());
  const std::string path = std::string(CONSILIUM_BINARY_DIR) + "/" + words[0];
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int parent = getpid();
  pid_ = fork();
  CN_CHECK(pid_ >= 0);
  if (pid_ > 0) return;
  // From here on only calls that are safe between fork and exec.
  constexpr mode_t kMode = 0600;
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, kMode);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // never left behind
  if (getppid() != parent) _exit(1);
  execv(path.c_str(), argv.data());
  _exit(1);
}

void Child::Signal(int signal) {
  if (pid_ == 0) return;
  const int pid = std::exchange(pid_, 0);
  kill(pid, signal);
  waitpid(pid, nullptr, 0);
}

void Child::Kill() { Signal(SIGKILL); }
void Child::Stop() { Signal(SIGTERM); }

bool Child::HasEnded() {
  if (pid_ != 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ == 0;
}

}  // namespace consilium::bench
