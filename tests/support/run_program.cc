#include "tests/support/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>

namespace consilium::testing {
namespace {

[[noreturn]] void Become(const std::vector<std::string>& argv, const RunOptions& options, int out,
                         int err) {
  setpgid(0, 0);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) _exit(126);
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<std::string> words = argv;
  if (const std::string ours = ProgramOfThisBuild(argv[0]); access(ours.c_str(), X_OK) == 0) {
    words[0] = ours;
  }
  std::vector<char*> raw;
  for (std::string& word : words) raw.push_back(word.data());
  raw.push_back(nullptr);
  execvp(raw[0], raw.data());
  _exit(127);
}

// Takes in what is there; false at the end of the stream.
bool Drain(int fd, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t count = read(fd, buffer.data(), buffer.size());
  if (count > 0) into.append(buffer.data(), static_cast<size_t>(count));
  return count > 0;
}

}  // namespace

std::string ProgramOfThisBuild(const std::string& name) {
  return std::string(CONSILIUM_BINARY_DIR) + "/" + name;
}

Ran RunProgram(const std::vector<std::string>& argv, const RunOptions& options) {
  Ran ran;
  std::array<int, 2> out{}, err{};
  if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) return ran;
  const pid_t child = fork();
  if (child == 0) Become(argv, options, out[1], err[1]);
  close(out[1]);
  close(err[1]);
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(options.timeout_seconds);
  std::array<pollfd, 2> waits = {pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
  bool killed = false;
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    poll(waits.data(), waits.size(), 200);
    if (waits[0].fd >= 0 && waits[0].revents != 0 && !Drain(out[0], ran.out)) waits[0].fd = -1;
    if (waits[1].fd >= 0 && waits[1].revents != 0 && !Drain(err[0], ran.err)) waits[1].fd = -1;
    if (std::chrono::steady_clock::now() > until) {
      kill(-child, SIGKILL);
      killed = true;
      break;
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(out[0]);
  close(err[0]);
  ran.exit_code = killed ? 124 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

}  // namespace consilium::testing
