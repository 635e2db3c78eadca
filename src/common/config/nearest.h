// The valid name that a mistyped one most likely meant, for "did you mean".
//
// Damerau's distance: insertions, deletions, replacements and swaps of neighbours each cost 1,
// upper and lower case are the same. Pure; thread-safe.
#ifndef CONSILIUM_COMMON_CONFIG_NEAREST_H_
#define CONSILIUM_COMMON_CONFIG_NEAREST_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace consilium::config {

// Longer names are compared by their first kMaxNearestBytes bytes.
inline constexpr size_t kMaxNearestBytes = 64;

size_t EditDistance(std::string_view a, std::string_view b);

// The nearest of `names`, or "" when none is close: at most a third of the word's length away (and
// at least 1), sharing at least a letter. The first one wins a tie.
std::string NearestOf(std::string_view word, std::span<const std::string> names);

// "did you mean `x`?", else "valid: `a`, `b`, ..." (at most 24 names), else "".
std::string SuggestFrom(std::string_view word, std::span<const std::string> names);

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_NEAREST_H_
