#include "common/config/nearest.h"

#include <algorithm>
#include <vector>

#include "fmt/format.h"

namespace consilium::config {
namespace {

constexpr size_t kMaxListed = 24;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Folded(std::string_view text) {
  std::string folded(text.substr(0, kMaxNearestBytes));
  std::transform(folded.begin(), folded.end(), folded.begin(), Lower);
  return folded;
}

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b) {
  const std::string from = Folded(a);
  const std::string to = Folded(b);
  std::vector<size_t> before_last(to.size() + 1);
  std::vector<size_t> last(to.size() + 1);
  std::vector<size_t> row(to.size() + 1);
  for (size_t j = 0; j <= to.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t replaced = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[to.size()];
}

std::string NearestOf(std::string_view word, std::span<const std::string> names) {
  size_t best = std::max<size_t>(1, std::min(word.size(), kMaxNearestBytes) / 3) + 1;
  std::string_view nearest;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(word, name);
    if (distance >= best || distance >= std::max(word.size(), name.size())) continue;
    best = distance;
    nearest = name;
  }
  return std::string(nearest);
}

std::string SuggestFrom(std::string_view word, std::span<const std::string> names) {
  if (const std::string nearest = NearestOf(word, names); !nearest.empty()) {
    return fmt::format("did you mean `{}`?", nearest);
  }
  std::string list;
  for (size_t i = 0; i < names.size() && i < kMaxListed; ++i) {
    list += fmt::format("{}`{}`", i == 0 ? "" : ", ", names[i]);
  }
  if (list.empty()) return "";
  return fmt::format("valid: {}{}", list, names.size() > kMaxListed ? ", ..." : "");
}

}  // namespace consilium::config
