// Runs one of our programs (or any command) as a user would and keeps what it printed.
#ifndef CONSILIUM_TESTS_SUPPORT_RUN_PROGRAM_H_
#define CONSILIUM_TESTS_SUPPORT_RUN_PROGRAM_H_

#include <map>
#include <string>
#include <vector>

namespace consilium::testing {

struct Ran {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string out;
  std::string err;
};

struct RunOptions {
  std::string folder;                              // working directory; empty: this one
  std::map<std::string, std::string> environment;  // beside our own
  int timeout_seconds = 120;                       // then SIGKILL, and exit_code 124
};

// `argv[0]` is a path, or a name that lies in this build's bin folder, or on PATH.
Ran RunProgram(const std::vector<std::string>& argv, const RunOptions& options = {});

// The path of a program of this build.
std::string ProgramOfThisBuild(const std::string& name);

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_SUPPORT_RUN_PROGRAM_H_
