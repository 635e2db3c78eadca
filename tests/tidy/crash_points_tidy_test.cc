// The points at which tests kill a process (common/base/crash_point.h): the table, the sources and
// the programs that are compiled with them agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include "common/base/crash_point.h"
#include "tests/support/temp_folder.h"
#include "tests/tidy/source_tree.h"

namespace consilium::tidy {
namespace {

bool IsProductSource(const SourceFile& file) {
  return file.path.starts_with("src/") && !file.IsHeader();
}

// The names of the points in a file.
std::set<std::string> PointsIn(const SourceFile& file) {
  static const std::regex kPoint("CN_CRASH_POINT\\(\"([^\"]+)\"\\)");
  std::set<std::string> names;
  for (const std::string& line : file.lines) {
    for (std::sregex_iterator at(line.begin(), line.end(), kPoint), end; at != end; ++at) {
      names.insert((*at)[1]);
    }
  }
  return names;
}

// Makes something durable, or undoes it.
bool Persists(const SourceFile& file) {
  static const std::regex kStep(
      "storage_?(\\.|->)(Rename|SyncFolder)\\(|->Sync\\(\\)|WriteDurably\\(|"
      "journal_?(\\.|->)(Write|Append|AppendDurably|SyncTo)\\(");
  for (const std::string& line : file.code) {
    if (std::regex_search(line, kStep)) return true;
  }
  return false;
}

// Sources that persist and need no point of their own.
constexpr std::pair<std::string_view, std::string_view> kWithout[] = {
    {"src/server/store/watched_storage.cc", "hands on what others ask for; its probe is no record"},
    {"src/server/store/store_version.cc", "its one caller has it"},
    {"src/server/store/segment.cc", "its one caller has them"},
    {"src/server/jobs/server_journal.cc", "each writer of a record has its own"},
};

TEST(CrashPointsInSources, AreThoseOfTheTable) {
  std::set<std::string> in_table, in_sources;
  for (const CrashPointRow& row : kCrashPoints) in_table.emplace(row.name);
  for (const SourceFile& file : LoadTree(CONSILIUM_SOURCE_DIR)) {
    if (IsProductSource(file)) in_sources.merge(PointsIn(file));
  }
  EXPECT_EQ(in_table, in_sources);
}

TEST(CrashPointsInSources, AreCompiledIntoTheProgramsThatTheirTestKills) {
  const std::string programs =
      testing::ReadTextFile(CONSILIUM_SOURCE_DIR "/tests/chaos/CMakeLists.txt");
  for (const SourceFile& file : LoadTree(CONSILIUM_SOURCE_DIR)) {
    if (!IsProductSource(file) || PointsIn(file).empty()) continue;
    const std::string name = file.path.substr(std::string_view("src/").size());
    EXPECT_THAT(programs, ::testing::HasSubstr(name)) << "name it in tests/chaos/CMakeLists.txt";
  }
}

TEST(CrashPointsInSources, StandInEverySourceThatMakesThingsDurable) {
  size_t found = 0;
  for (const SourceFile& file : LoadTree(CONSILIUM_SOURCE_DIR)) {
    if (!IsProductSource(file) || !Persists(file)) continue;
    if (!file.path.starts_with("src/server/") && !file.path.starts_with("src/client/")) continue;
    ++found;
    const bool exempt = std::ranges::any_of(
        kWithout, [&file](const auto& without) { return without.first == file.path; });
    EXPECT_EQ(PointsIn(file).empty(), exempt)
        << file.path << ": put a CN_CRASH_POINT after what it persists, or a row into kWithout";
  }
  EXPECT_GT(found, 15u);
}

}  // namespace
}  // namespace consilium::tidy
