#include "tests/integration/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "tests/support/data_folder.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace consilium::testing {
namespace {

namespace fs = std::filesystem;

// A fenced block: "console" has commands behind "$ ", "text" what they print.
struct Block {
  std::string kind;
  std::vector<std::string> lines;
};

std::vector<Block> BlocksOf(const std::string& page) {
  std::vector<Block> blocks;
  std::istringstream lines(ReadTextFile(page));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({line.substr(3), {}});
    } else if (inside) {
      blocks.back().lines.push_back(line);
    }
  }
  return blocks;
}

// Runs a block's commands; what all of them printed.
std::string RunCommands(const Block& block, const std::string& page, const PageOptions& options,
                        const RunOptions& where, int& commands) {
  std::string printed;
  for (const std::string& line : block.lines) {
    if (!line.starts_with("$ ")) continue;
    ++commands;
    const std::string command = line.substr(2);
    if (options.run_outside.contains(command)) continue;
    const Ran ran = RunProgram({"/bin/sh", "-c", command}, where);
    EXPECT_EQ(ran.exit_code, 0) << page << ": $ " << command << "\n" << ran.out << ran.err;
    printed += ran.out + ran.err;
  }
  return printed;
}

}  // namespace

void RunPage(const std::string& page, const PageOptions& options) {
  TempFolder folder;
  const fs::path source = CONSILIUM_SOURCE_DIR;
  fs::copy(source / "examples", fs::path(folder.path()) / "examples", fs::copy_options::recursive);
  for (const std::string& name : options.data) {
    fs::create_directory_symlink(fs::absolute(fs::path(DataFolder().value()) / name),
                                 folder.PathOf(name));
  }
  const std::string path = std::string(CONSILIUM_BINARY_DIR) + ":" + getenv("PATH");
  const RunOptions where{
      .folder = folder.path(),
      .environment = {{"PATH", path}, {"HOME", folder.path()}, {"CONSILIUM_CONFIG", ""}}};
  std::string printed;
  int commands = 0;
  for (const Block& block : BlocksOf((source / page).string())) {
    if (block.kind == "console") printed = RunCommands(block, page, options, where, commands);
    if (block.kind != "text" || !options.outputs) continue;
    for (const std::string& line : block.lines) {
      EXPECT_THAT(printed, ::testing::HasSubstr(line)) << page << " shows what is not printed";
    }
  }
  EXPECT_GT(commands, 0) << page << " has no command: is the ```console fence gone?";
  RunProgram({"consilium", "lab", "down"}, where);
}

}  // namespace consilium::testing
