// What the terminal can do, and the colours that mean something here.
#ifndef CONSILIUM_CLI_OUTPUT_TERMINAL_H_
#define CONSILIUM_CLI_OUTPUT_TERMINAL_H_

#include <string>
#include <string_view>

namespace consilium::cli {

enum class Style { kPlain, kBold, kDim, kGood, kWarning, kBad, kAccent };

class Terminal {
 public:
  // Looks at stdout, NO_COLOR (no-color.org), TERM and COLUMNS.
  static Terminal OfStdout();
  // For tests and files: no colour, not live.
  static Terminal Plain(int columns = 100);

  bool live() const { return live_; }  // a terminal that can redraw lines
  bool colour() const { return colour_; }
  int columns() const { return columns_; }
  // `text` in a style, or as it is where there is no colour.
  std::string Paint(Style style, std::string_view text) const;

 private:
  bool live_ = false;
  bool colour_ = false;
  int columns_ = 100;
};

// Columns a UTF-8 text takes, escape sequences not counted (every code point one column).
int DisplayWidth(std::string_view text);
// Removes control characters, so that nothing a peer says can move the cursor.
std::string Printable(std::string_view text);

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_TERMINAL_H_
