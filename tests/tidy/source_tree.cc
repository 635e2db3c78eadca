#include "tests/tidy/source_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <utility>

#include "tests/support/temp_folder.h"

namespace consilium::tidy {
namespace {

enum class State { kCode, kLineComment, kBlockComment, kString, kCharacter, kRawString };

// True when the quote at `at` belongs to a number (1'000), not to a character.
bool IsDigitSeparator(std::string_view text, size_t at) {
  return at > 0 && std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0;
}

// Walks the text once and blanks what is not code; line ends stay.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), code_(text) {}

  std::string Run() {
    for (at_ = 0; at_ < text_.size(); ++at_) Step();
    return code_;
  }

 private:
  bool Sees(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void Blank(size_t count) {
    for (size_t i = at_; i < std::min(at_ + count, text_.size()); ++i) {
      if (code_[i] != '\n') code_[i] = ' ';
    }
    at_ += count - 1;
  }
  void Enter(State state, size_t blank) {
    state_ = state;
    if (blank > 0) Blank(blank);
  }

  void Step() {
    switch (state_) {
      case State::kCode:
        return StepInCode();
      case State::kLineComment:
        if (text_[at_] == '\n') return Enter(State::kCode, 0);
        return Blank(1);
      case State::kBlockComment:
        return Sees("*/") ? Enter(State::kCode, 2) : Blank(1);
      case State::kRawString:
        if (!Sees(raw_end_)) return Blank(1);
        at_ += raw_end_.size() - 1;
        return Enter(State::kCode, 0);
      case State::kString:
      case State::kCharacter:
        if (text_[at_] == '\\') return Blank(2);
        if (text_[at_] == (state_ == State::kString ? '"' : '\'') || text_[at_] == '\n') {
          return Enter(State::kCode, 0);
        }
        return Blank(1);
    }
  }

  void StepInCode() {
    if (Sees("//")) return Enter(State::kLineComment, 2);
    if (Sees("/*")) return Enter(State::kBlockComment, 2);
    if (Sees("R\"")) {
      const size_t open = text_.find('(', at_);
      if (open == std::string_view::npos) return;
      raw_end_ = ')' + std::string(text_.substr(at_ + 2, open - at_ - 2)) + '"';
      at_ = open;
      return Enter(State::kRawString, 0);
    }
    if (text_[at_] == '"') return Enter(State::kString, 0);
    if (text_[at_] == '\'' && !IsDigitSeparator(text_, at_)) return Enter(State::kCharacter, 0);
  }

  const std::string_view text_;
  std::string code_;
  size_t at_ = 0;
  State state_ = State::kCode;
  std::string raw_end_;
};

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

std::string SourceFile::FolderInSrc() const {
  constexpr std::string_view kRoot = "src/";
  const size_t slash = path.rfind('/');
  if (!path.starts_with(kRoot) || slash < kRoot.size()) return "";
  return path.substr(kRoot.size(), slash - kRoot.size());
}

std::string Violation::ToString() const {
  const std::string place = line > 0 ? fmt::format("{}:{}", path, line) : path;
  return fmt::format("{}: {}\n  do: {}", place, what, todo);
}

SourceFile MakeFile(std::string path, std::string_view text) {
  return {
      .path = std::move(path), .lines = SplitLines(text), .code = SplitLines(Blanker(text).Run())};
}

std::vector<SourceFile> LoadTree(const std::string& root) {
  std::vector<SourceFile> files;
  for (const char* top : {"src", "tests"}) {
    const std::filesystem::path folder = std::filesystem::path(root) / top;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension().string();
      if (!entry.is_regular_file() || (extension != ".h" && extension != ".cc")) continue;
      files.push_back(MakeFile(entry.path().lexically_relative(root).string(),
                               testing::ReadTextFile(entry.path().string())));
    }
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

std::string IncludeOn(std::string_view line) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::cmatch match;
  if (!std::regex_search(line.data(), line.data() + line.size(), match, kInclude)) return "";
  return match[1].str();
}

std::string Join(const std::vector<Violation>& violations) {
  std::string text;
  for (const Violation& violation : violations) text += violation.ToString() + '\n';
  return text;
}

}  // namespace consilium::tidy
