#include "cli/lab/processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/base/error.h"

extern char** environ;

namespace consilium::cli {
namespace {

// Field 22 of /proc/PID/stat; 0 when there is no such process, or only its corpse.
uint64_t StartTimeOf(int pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string stat((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22 && fields >> field; ++i) {
    if (i == 3 && (field == "Z" || field == "X")) return 0;
    if (i == 22) return std::strtoull(field.c_str(), nullptr, 10);
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::string> ProgramBeside(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path program = self.parent_path() / name;
  if (!error && access(program.c_str(), X_OK) == 0) return program.string();
  return Error(ErrorCode::kLab, fmt::format("{} is not beside this program", name),
               "build everything, or install the packages of server and client: the lab starts "
               "the real programs");
}

absl::StatusOr<LabProcess> StartProcess(const std::vector<std::string>& argv,
                                        const std::string& name, const std::string& log) {
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  LabProcess process;
  process.name = name;
  const int error =
      posix_spawn(&process.pid, argv[0].c_str(), &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    return Error(ErrorCode::kLab,
                 fmt::format("cannot start {}: {}", argv[0], std::strerror(error)));
  }
  process.started = StartTimeOf(process.pid);
  process.alive = true;
  return process;
}

bool IsAlive(const LabProcess& process) {
  waitpid(process.pid, nullptr, WNOHANG);  // takes in our own dead child; others are not ours
  return process.started != 0 && StartTimeOf(process.pid) == process.started;
}

bool StopProcesses(const std::vector<LabProcess>& processes, Duration patience) {
  for (const LabProcess& process : processes) {
    if (IsAlive(process)) kill(process.pid, SIGTERM);
  }
  const SystemClock clock;
  const Instant until = clock.Now() + patience;
  const auto any_alive = [&] { return std::ranges::any_of(processes, IsAlive); };
  while (any_alive() && clock.Now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  bool gentle = true;
  for (const LabProcess& process : processes) {
    if (!IsAlive(process)) continue;
    kill(process.pid, SIGKILL);
    gentle = false;
  }
  while (any_alive()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return gentle;
}

std::string Tail(const std::string& file, size_t lines) {
  std::ifstream in(file);
  std::deque<std::string> last;
  for (std::string line; std::getline(in, line);) {
    last.push_back(line);
    if (last.size() > lines) last.pop_front();
  }
  std::string text;
  for (const std::string& line : last) text += "    " + line + "\n";
  return text;
}

}  // namespace consilium::cli
