// What a cell of text stands for: a number, or one of some texts. Locale-free. Pure; thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_CELL_VALUE_H_
#define CONSILIUM_CLIENT_DATA_CELL_VALUE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace consilium::client::data {

// Cells beyond this are refused: squares of them still sum without overflow (bound 2^200).
inline constexpr double kMaxCellMagnitude = 1e29;

// Without spaces and tabs at the ends.
std::string_view TrimCell(std::string_view cell);

// A decimal number ("2.0", ".7", "-1e3"; no sign +, no comma); nullopt for anything else, for what
// is not finite and beyond kMaxCellMagnitude.
std::optional<double> NumberOf(std::string_view text);

// Texts by index, where numbers match by value: a level "1" is met by the cells "1" and "1.0".
class TextIndex {
 public:
  TextIndex() = default;
  // The first of equal texts wins.
  explicit TextIndex(const std::vector<std::string>& texts);
  std::optional<size_t> Find(std::string_view cell) const;
  bool empty() const { return texts_.empty() && numbers_.empty(); }

 private:
  std::unordered_map<std::string, size_t> texts_;
  std::unordered_map<double, size_t> numbers_;
};

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_CELL_VALUE_H_
