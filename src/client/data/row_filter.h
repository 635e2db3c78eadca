// Which rows of a file count: `site == 0 and age >= 18`.
//
//   expression = conjunction { "or" conjunction }
//   conjunction = condition { "and" condition }
//   condition  = "not" condition | "(" expression ")" | column operator literal
//   column     = letters, digits, _ and . (not first a digit) | ` any text `
//   operator   = == != < <= > >=
//   literal    = number | "text" | 'text'
//
// A number compares with the cell as a number, a text with the cell as text, byte by byte. A
// missing cell makes a comparison unknown, and unknown is neither true nor false (as in SQL: `not`
// keeps it unknown); only rows that are true are kept. Immutable and cheap to copy; thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_ROW_FILTER_H_
#define CONSILIUM_CLIENT_DATA_ROW_FILTER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace consilium::client::data {

inline constexpr size_t kMaxFilterBytes = 4096;
inline constexpr int kMaxFilterDepth = 32;  // parentheses and nots within each other

class RowFilter {
 public:
  // Keeps every row.
  RowFilter() = default;
  // kDataFilter with the character where it goes wrong (1-based, in `text`).
  static absl::StatusOr<RowFilter> Parse(std::string_view text);

  // Columns it reads, each once, in order of first use.
  const std::vector<std::string>& columns() const;
  const std::string& text() const;

  // The cells of one row, by index into columns(); nullopt where missing.
  using Cells = std::function<std::optional<std::string_view>(size_t column)>;
  // kDataBadCell when a cell that is compared with a number is none: the message names the column,
  // never the cell. `*bad_column` is then its index.
  absl::StatusOr<bool> Keeps(const Cells& cells, size_t* bad_column) const;

  struct Expression;

 private:
  std::shared_ptr<const Expression> expression_;
};

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_ROW_FILTER_H_
