#include "client/data/cell_value.h"

#include <charconv>
#include <cmath>

namespace consilium::client::data {
std::string_view TrimCell(std::string_view cell) {
  const size_t first = cell.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
}

std::optional<double> NumberOf(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(std::fabs(value) <= kMaxCellMagnitude)) return std::nullopt;
  return value;
}

TextIndex::TextIndex(const std::vector<std::string>& texts) {
  for (size_t i = 0; i < texts.size(); ++i) {
    if (const std::optional<double> number = NumberOf(texts[i])) {
      numbers_.emplace(*number, i);
    } else {
      texts_.emplace(texts[i], i);
    }
  }
}

std::optional<size_t> TextIndex::Find(std::string_view cell) const {
  if (const std::optional<double> number = NumberOf(cell)) {
    const auto found = numbers_.find(*number);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  const auto found = texts_.find(std::string(cell));
  return found == texts_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace consilium::client::data
