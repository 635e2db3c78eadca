// Aligned text tables, the way `consilium` prints them: a head, rows, two spaces between columns.
#ifndef CONSILIUM_CLI_OUTPUT_TABLE_H_
#define CONSILIUM_CLI_OUTPUT_TABLE_H_

#include <string>
#include <vector>

#include "cli/output/terminal.h"

namespace consilium::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // Cells may be painted; missing ones are empty. REQUIRES: at most one per column.
  void AddRow(std::vector<std::string> cells);
  void AddRule() { rows_.emplace_back(); }  // a blank line
  // Each line ends in a newline; no trailing spaces.
  std::string Render(const Terminal& terminal) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_TABLE_H_
