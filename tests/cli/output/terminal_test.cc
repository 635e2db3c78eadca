#include "cli/output/terminal.h"

#include <gtest/gtest.h>

namespace consilium::cli {
namespace {

TEST(Terminal, PlainAddsNoEscapes) { EXPECT_EQ(Terminal::Plain().Paint(Style::kBad, "no"), "no"); }

TEST(Terminal, AFileIsNotLiveAndNotColoured) {
  // ctest runs with stdout on a pipe.
  const Terminal terminal = Terminal::OfStdout();
  EXPECT_FALSE(terminal.live());
  EXPECT_FALSE(terminal.colour());
}

TEST(DisplayWidth, CountsCodePointsAndNoEscapes) {
  EXPECT_EQ(DisplayWidth(""), 0);
  EXPECT_EQ(DisplayWidth("▁▂█"), 3);
  EXPECT_EQ(DisplayWidth("\x1b[31mred\x1b[0m"), 3);
}

TEST(Printable, NothingAPeerSaysMovesTheCursor) {
  EXPECT_EQ(Printable("a\x1b[2Jb\nc\x7f"), "a [2Jb c ");
  EXPECT_EQ(Printable("Köln"), "Köln");
}

}  // namespace
}  // namespace consilium::cli
