#include "cli/output/table.h"

#include <algorithm>

#include "common/base/check.h"

namespace consilium::cli {
namespace {

void AppendCell(const std::string& cell, Align align, int width, std::string& line) {
  const auto padding = static_cast<size_t>(std::max(0, width - DisplayWidth(cell)));
  if (align == Align::kRight) line.append(padding, ' ');
  line += cell;
  if (align == Align::kLeft) line.append(padding, ' ');
}

void EndLine(std::string& line, std::string& out) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line;
  out += '\n';
  line.clear();
}

}  // namespace

void Table::AddRow(std::vector<std::string> cells) {
  CN_CHECK(cells.size() <= columns_.size());
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::Render(const Terminal& terminal) const {
  std::vector<int> widths;
  widths.reserve(columns_.size());
  for (const Column& column : columns_) widths.push_back(DisplayWidth(column.title));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string out;
  std::string line;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) line += "  ";
    AppendCell(terminal.Paint(Style::kDim, columns_[i].title), columns_[i].align, widths[i], line);
  }
  EndLine(line, out);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      AppendCell(row[i], columns_[i].align, widths[i], line);
    }
    EndLine(line, out);
  }
  return out;
}

}  // namespace consilium::cli
