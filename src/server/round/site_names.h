// A list of names for a message: "a, b, c and 12 more".
#ifndef CONSILIUM_SERVER_ROUND_SITE_NAMES_H_
#define CONSILIUM_SERVER_ROUND_SITE_NAMES_H_

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace consilium::server::round {

inline constexpr size_t kMaxNamesInText = 8;

inline std::string NamesOf(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kMaxNamesInText);
  std::string text;
  for (size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_SITE_NAMES_H_
