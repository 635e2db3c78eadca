#include "cli/output/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace consilium::cli {
namespace {

const char* CodeOf(Style style) {
  switch (style) {
    case Style::kPlain:
      return "0";
    case Style::kBold:
      return "1";
    case Style::kDim:
      return "2";
    case Style::kGood:
      return "32";
    case Style::kWarning:
      return "33";
    case Style::kBad:
      return "31";
    case Style::kAccent:
      return "36";
  }
  return "0";
}

bool IsSet(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

Terminal Terminal::OfStdout() {
  Terminal terminal;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  terminal.live_ = isatty(STDOUT_FILENO) == 1 && !dumb;
  terminal.colour_ = terminal.live_ && !IsSet("NO_COLOR");
  winsize size{};
  if (terminal.live_ && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.columns_ = size.ws_col;
  }
  return terminal;
}

Terminal Terminal::Plain(int columns) {
  Terminal terminal;
  terminal.columns_ = columns;
  return terminal;
}

std::string Terminal::Paint(Style style, std::string_view text) const {
  if (!colour_ || style == Style::kPlain) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", CodeOf(style), text);
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  bool escape = false;
  for (const char c : text) {
    if (c == '\x1b') {
      escape = true;
    } else if (escape) {
      escape = !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++width;
    }
  }
  return width;
}

std::string Printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    clean.push_back(byte < 0x20 || byte == 0x7F ? ' ' : c);
  }
  return clean;
}

}  // namespace consilium::cli
