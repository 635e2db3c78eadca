// simulate: becomes the program consilium-simulate, which lies beside this one.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "cli/lab/processes.h"
#include "cli/verbs/verbs.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::cli {

absl::Status Simulate(const Context& context, const std::vector<std::string>& words) {
  CN_ASSIGN_OR_RETURN(const std::string program, ProgramBeside("consilium-simulate"));
  std::vector<std::string> argv = {program};
  if (context.json) argv.emplace_back("--json");
  argv.insert(argv.end(), words.begin(), words.end());
  std::vector<char*> raw;
  raw.reserve(argv.size() + 1);
  for (std::string& word : argv) raw.push_back(word.data());
  raw.push_back(nullptr);
  execv(program.c_str(), raw.data());
  return Error(ErrorCode::kLab, fmt::format("cannot start {}: {}", program, std::strerror(errno)));
}

}  // namespace consilium::cli
