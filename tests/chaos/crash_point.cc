// What a crash point does in the programs that are compiled with them: when the file that
// CONSILIUM_CRASH_FILE names holds "server NAME" (or "client NAME"), the first such process that
// gets there takes the file away and kills itself, as kill -9 would.
// And what persists without a point after it is written to that file's name with ".unnamed".
#include "common/base/crash_point.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace consilium {
namespace {

// A thread's last step on the disk; empty after a point.
struct Step {
  std::string text;
  void Report() const {
    const char* file = std::getenv("CONSILIUM_CRASH_FILE");
    if (file == nullptr || text.empty()) return;
    std::ofstream(std::string(file) + ".unnamed", std::ios::app)
        << program_invocation_short_name << ": " + text + "\n";
  }
  ~Step() { Report(); }
};
thread_local Step last_step;

}  // namespace

void NotePersisted(std::string_view what, std::string_view path) {
  last_step.Report();
  last_step.text = std::string(what) + " " + std::string(path);
}

void ReachCrashPoint(std::string_view name) {
  last_step.text.clear();
  const char* file = std::getenv("CONSILIUM_CRASH_FILE");
  if (file == nullptr) return;
  const std::string program = program_invocation_short_name;
  const std::string here = program.substr(program.find('-') + 1) + " " + std::string(name);
  std::string wanted;
  if (!std::getline(std::ifstream(file), wanted) || wanted != here) return;
  const std::string reached = std::string(file) + ".reached";
  if (std::rename(file, reached.c_str()) != 0) return;  // another was first
  kill(getpid(), SIGKILL);
  pause();
}

}  // namespace consilium
