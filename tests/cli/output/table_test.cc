#include "cli/output/table.h"

#include <gtest/gtest.h>

namespace consilium::cli {
namespace {

TEST(Table, AlignsColumnsAndLeavesNoTrailingSpaces) {
  Table table({{"SITE"}, {"ROWS", Align::kRight}, {"NOTE"}});
  table.AddRow({"cleveland", "199", ""});
  table.AddRow({"va", "85", "late"});
  EXPECT_EQ(table.Render(Terminal::Plain()),
            "SITE       ROWS  NOTE\n"
            "cleveland   199\n"
            "va           85  late\n");
}

TEST(Table, ARuleIsABlankLineAndMissingCellsAreEmpty) {
  Table table({{"A"}, {"B"}});
  table.AddRow({"x"});
  table.AddRule();
  table.AddRow({"y", "z"});
  EXPECT_EQ(table.Render(Terminal::Plain()), "A  B\nx\n\ny  z\n");
}

}  // namespace
}  // namespace consilium::cli
