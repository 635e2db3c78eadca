// The source tree as the rules read it: files, their lines, and their lines without comments and
// without what stands between quotes.
#ifndef CONSILIUM_TESTS_TIDY_SOURCE_TREE_H_
#define CONSILIUM_TESTS_TIDY_SOURCE_TREE_H_

#include <string>
#include <string_view>
#include <vector>

namespace consilium::tidy {

struct SourceFile {
  std::string path;                // from the root of the repository: "src/common/base/log.h"
  std::vector<std::string> lines;  // as they are
  std::vector<std::string> code;   // comments and the insides of literals are blanks
  bool IsHeader() const { return path.ends_with(".h"); }
  // "common/base" for a file under src/, else empty.
  std::string FolderInSrc() const;
};

// A rule broken at a place (`line` from 1; 0 = the file), and what to do about it.
struct Violation {
  std::string path;
  size_t line = 0;
  std::string what;
  std::string todo;
  std::string ToString() const;  // "path:line: what\n  do: todo"
};

SourceFile MakeFile(std::string path, std::string_view text);
// Every .h and .cc under src/ and tests/ of `root`, sorted by path.
std::vector<SourceFile> LoadTree(const std::string& root);
// The target of an #include on this line of code; empty when it is none. `line` is unblanked.
std::string IncludeOn(std::string_view line);
// One text for a test's failure: every violation, or nothing.
std::string Join(const std::vector<Violation>& violations);

}  // namespace consilium::tidy

#endif  // CONSILIUM_TESTS_TIDY_SOURCE_TREE_H_
