// The house rules that a machine can check, each a pure function of one file.
#ifndef CONSILIUM_TESTS_TIDY_RULES_H_
#define CONSILIUM_TESTS_TIDY_RULES_H_

#include <vector>

#include "tests/tidy/source_tree.h"

namespace consilium::tidy {

inline constexpr size_t kMaxHeaderLines = 200;
inline constexpr size_t kMaxSourceLines = 600;
inline constexpr size_t kMaxLineWidth = 100;  // in characters, not bytes

// allowed_edges.h: rooms, and headers of other projects. Files under src/ only.
std::vector<Violation> CheckIncludes(const SourceFile& file);
// Headers: a comment first, an include guard that is the path.
std::vector<Violation> CheckHeaderForm(const SourceFile& file);
// Lines, widths.
std::vector<Violation> CheckSizes(const SourceFile& file);
// Words that do not belong: the table in rules.cc says which, where, and what to use instead.
std::vector<Violation> CheckWords(const SourceFile& file);

}  // namespace consilium::tidy

#endif  // CONSILIUM_TESTS_TIDY_RULES_H_
