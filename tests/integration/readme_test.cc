// Every command of the README and of the three door pages runs, in order, as written.
//
// scripts/demo.sh and scripts/test.sh run outside (scripts/test.sh runs the demo as a step of its
// own and cannot run itself).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "tests/integration/lab.h"

namespace consilium::testing {
namespace {

namespace fs = std::filesystem;

const std::set<std::string> kRunOutside = {"scripts/demo.sh", "scripts/test.sh"};

// The lines "$ command" of the ```console blocks, without the prompt.
std::vector<std::string> CommandsOf(const std::string& page) {
  std::vector<std::string> commands;
  std::istringstream lines(ReadTextFile(page));
  bool console = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) console = line == "```console";
    if (console && line.starts_with("$ ")) commands.push_back(line.substr(2));
  }
  return commands;
}

// Runs the commands in a folder that sees the repository's examples, with our programs on PATH.
void RunPage(const std::string& name) {
  TempFolder folder;
  const fs::path source = CONSILIUM_SOURCE_DIR;
  fs::copy(source / "examples", fs::path(folder.path()) / "examples", fs::copy_options::recursive);
  const std::vector<std::string> commands = CommandsOf((source / name).string());
  ASSERT_FALSE(commands.empty()) << name << " has no command: is the ```console fence gone?";
  const std::string path = std::string(CONSILIUM_BINARY_DIR) + ":" + getenv("PATH");
  const RunOptions options{
      .folder = folder.path(),
      .environment = {{"PATH", path}, {"HOME", folder.path()}, {"CONSILIUM_CONFIG", ""}}};
  for (const std::string& command : commands) {
    if (kRunOutside.contains(command)) continue;
    const Ran ran = RunProgram({"/bin/sh", "-c", command}, options);
    EXPECT_EQ(ran.exit_code, 0) << name << ": $ " << command << "\n" << ran.out << ran.err;
  }
  RunProgram({"consilium", "lab", "down"}, options);
}

TEST(Documentation, EveryCommandOfTheReadmeRuns) { RunPage("README.md"); }
TEST(Documentation, EveryCommandForHospitalsRuns) { RunPage("docs/hospital.md"); }
TEST(Documentation, EveryCommandForResearchersRuns) { RunPage("docs/researcher.md"); }
TEST(Documentation, EveryCommandForOperatorsRuns) { RunPage("docs/operator.md"); }

}  // namespace
}  // namespace consilium::testing
