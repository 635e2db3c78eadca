// The rules over the whole tree. A failure names each place and what to do about it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/support/temp_folder.h"
#include "tests/tidy/allowed_edges.h"
#include "tests/tidy/rules.h"

namespace consilium::tidy {
namespace {

const std::vector<SourceFile>& Tree() {
  static const std::vector<SourceFile> files = LoadTree(CONSILIUM_SOURCE_DIR);
  return files;
}

::testing::AssertionResult IsClean(const std::vector<Violation>& violations) {
  if (violations.empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << violations.size() << " places\n" << Join(violations);
}

template <typename Rule>
std::vector<Violation> OverTheTree(const Rule& rule) {
  std::vector<Violation> all;
  for (const SourceFile& file : Tree()) {
    for (Violation& violation : rule(file)) all.push_back(std::move(violation));
  }
  return all;
}

TEST(Tidy, TheTreeIsFound) { EXPECT_GT(Tree().size(), 100u); }

TEST(Tidy, RoomsIncludeOnlyWhatTheTableAllows) { EXPECT_TRUE(IsClean(OverTheTree(CheckIncludes))); }

TEST(Tidy, HeadersOpenWithACommentAndAreGuardedByTheirPath) {
  EXPECT_TRUE(IsClean(OverTheTree(CheckHeaderForm)));
}

TEST(Tidy, FilesAndLinesAreShort) { EXPECT_TRUE(IsClean(OverTheTree(CheckSizes))); }

TEST(Tidy, WordsAreInTheirPlace) { EXPECT_TRUE(IsClean(OverTheTree(CheckWords))); }

// The table itself: no edge to a room without a row, no two rooms that include each other.
TEST(Tidy, TheTableOfEdgesHasNoCircle) {
  std::set<std::string_view> below;  // rooms whose edges all lead further down
  for (bool grows = true; grows;) {
    grows = false;
    for (const RoomEdges& room : kAllowedEdges) {
      if (below.contains(room.room)) continue;
      bool leads_down = true;
      for (const std::string_view target : room.may_include) {
        leads_down = leads_down && below.contains(target);
      }
      if (!leads_down) continue;
      below.insert(room.room);
      grows = true;
    }
  }
  for (const RoomEdges& room : kAllowedEdges) {
    EXPECT_TRUE(below.contains(room.room)) << room.room << " is in a circle or names no room";
  }
}

// The CMakeLists.txt of a file's folder, else of the folders above it.
bool IsNamedInCMake(const std::string& path, const std::string& name) {
  const std::filesystem::path root = CONSILIUM_SOURCE_DIR;
  for (std::filesystem::path folder = std::filesystem::path(path).parent_path(); !folder.empty();
       folder = folder.parent_path()) {
    const std::string text = testing::ReadTextFile((root / folder / "CMakeLists.txt").string());
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
      const bool starts =
          at == 0 || std::string_view(" \n\t(/\"").find(text[at - 1]) != std::string_view::npos;
      const size_t end = at + name.size();
      const bool ends = end == text.size() ||
                        std::string_view(" \n\t)\"").find(text[end]) != std::string_view::npos;
      if (starts && ends) return true;
    }
  }
  return false;
}

TEST(Tidy, EveryFileIsWiredIntoTheBuild) {
  std::vector<Violation> all;
  for (const SourceFile& file : Tree()) {
    const bool is_test_header = file.path.starts_with("tests/") && file.IsHeader();
    const std::string name = std::filesystem::path(file.path).filename().string();
    if (is_test_header || IsNamedInCMake(file.path, name)) continue;
    all.push_back({file.path, 0, "no CMakeLists.txt names it",
                   file.path.starts_with("tests/")
                       ? "add it to a consilium_test: a test not wired into ctest is decoration"
                       : "add it to SRCS or HDRS of its room, or delete it"});
  }
  EXPECT_TRUE(IsClean(all));
}

}  // namespace
}  // namespace consilium::tidy
