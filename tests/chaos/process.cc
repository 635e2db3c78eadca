#include "tests/chaos/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

#include "tests/support/run_program.h"

namespace consilium::testing {

Process::Process(std::vector<std::string> argv, std::string log)
    : argv_(std::move(argv)), log_(std::move(log)) {}

Process::~Process() { Kill(); }

void Process::Start() {
  if (Runs()) return;
  const std::string program = ProgramOfThisBuild(argv_[0]);
  std::vector<char*> words;
  for (const std::string& word : argv_) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_ = fork();
  if (pid_ != 0) return;
  setpgid(0, 0);
  const int out = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execv(program.c_str(), words.data());
  _exit(127);
}

bool Process::Runs() {
  if (pid_ <= 0) return false;
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = 0;
  return false;
}

void Process::Signal(int signal) {
  if (Runs()) kill(pid_, signal);
}

void Process::Kill() {
  if (!Runs()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

bool Process::Stop() {
  constexpr auto kPatience = std::chrono::seconds(30);
  Signal(SIGTERM);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (Runs() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const bool gentle = !Runs();
  Kill();
  return gentle;
}

}  // namespace consilium::testing
