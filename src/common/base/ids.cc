#include "common/base/ids.h"

#include <algorithm>

namespace consilium {

bool IsValidName(std::string_view name) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  if (name.empty() || name.size() > 64 || !is_alphanumeric(name.front())) return false;
  return std::ranges::all_of(
      name, [&](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace consilium
