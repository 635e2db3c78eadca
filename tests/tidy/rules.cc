#include "tests/tidy/rules.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cctype>

#include "common/base/check.h"
#include "tests/tidy/allowed_edges.h"

namespace consilium::tidy {
namespace {

bool IsWithin(std::string_view folder, std::string_view top) {
  return folder == top || (folder.starts_with(top) && folder[top.size()] == '/');
}

const RoomEdges* RoomOf(std::string_view folder) {
  const auto room = std::ranges::find_if(
      kAllowedEdges, [&](const RoomEdges& edges) { return IsWithin(folder, edges.room); });
  return room == kAllowedEdges.end() ? nullptr : &*room;
}

bool IsWithinAny(std::string_view folder, const std::vector<std::string_view>& tops) {
  return std::ranges::any_of(tops, [&](std::string_view top) { return IsWithin(folder, top); });
}

// "common/base" of "common/base/log.h"
std::string_view FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool IsForeign(const ForeignHeader& rule, std::string_view header) {
  const bool is_family = rule.header.ends_with('/') || !rule.header.ends_with(".h");
  const bool is_standard = header.find_first_of("/.") == std::string_view::npos;
  return is_family && !is_standard ? header.starts_with(rule.header) : header == rule.header;
}

// Words that are refused in code, and where they are allowed all the same.
struct WordRule {
  const char* pattern;
  std::vector<std::string_view> allowed_in;  // folders under the root
  bool in_comments;
  bool in_tests;
  const char* todo;
};

// clang-format off
const std::vector<WordRule>& WordRules() {
  static const std::vector<WordRule> rules = {
      {R"(\bstd::cout\b|\bprintf\s*\(|\bputs\s*\()",
       {"src/cli", "src/server/app", "src/client/app"}, false, false,
       "log through common/base/log.h; only app and cli write to stdout"},
      {R"(\bstd::(\w+_distribution|mt19937|random_device|default_random_engine|shuffle)\b)",
       {}, false, true,
       "use common/base/random.h: std:: results differ between standard libraries"},
      // gRPC wants its deadlines as time points, hence the rpc rooms.
      {R"(_clock::now\s*\(|\bgettimeofday\b|\bclock_gettime\b|\btime\s*\((0|NULL|nullptr|&))",
       {"src/common/base", "src/common/rpc", "src/server/rpc", "src/server/app",
        "src/client/rpc", "src/client/app", "src/cli"}, false, false,
       "take a Clock& (common/base/clock.h), or BoundedQueue::PopFor to wait"},
      {R"(\bs?rand\s*\(|\bdrand48\b|\barc4random)", {}, false, true,
       "use common/base/random.h, or crypto::FillRandom for secrets"},
      {R"(\bsleep_(for|until)\b|\b[un]?sleep\s*\(|\bnanosleep\b)",
       {"src/server/app", "src/client/app", "src/cli", "tests/integration", "tests/chaos"},
       false, true,
       "wait on a CondVar or a queue with a deadline"},
      {R"(\bthrow\b)", {}, false, true,
       "return an absl::Status; exceptions are only caught, at the edge of a library"},
      {R"(\bassert\s*\()", {}, false, true,
       "CN_CHECK for an invariant of our own (it stays on), a Status for input"},
      {"\\bTO" "DO\\b|\\bFIX" "ME\\b|\\bXXX\\b", {}, true, true,
       "do it now, or write an issue and say here what holds today"},
  };
  return rules;
}
// clang-format on

std::string GuardOf(const SourceFile& file) {
  std::string_view path = file.path;
  if (path.starts_with("src/")) path.remove_prefix(4);
  std::string guard = "CONSILIUM_";
  for (const char c : path) {
    const auto letter = static_cast<unsigned char>(c);
    guard += std::isalnum(letter) != 0 ? static_cast<char>(std::toupper(letter)) : '_';
  }
  return guard + '_';
}

size_t WidthOf(std::string_view line) {
  return static_cast<size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::vector<Violation> CheckIncludes(const SourceFile& file) {
  std::vector<Violation> found;
  const std::string folder = file.FolderInSrc();
  if (folder.empty()) return found;
  const RoomEdges* const room = RoomOf(folder);
  if (room == nullptr) {
    return {{file.path, 0, fmt::format("the room {} has no row in the table of edges", folder),
             "add it to tests/tidy/allowed_edges.h with what it may include"}};
  }
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const std::string header = IncludeOn(file.lines[i]);
    if (header.empty()) continue;
    for (const ForeignHeader& rule : kForeignHeaders) {
      if (!IsForeign(rule, header) || IsWithinAny(folder, rule.only_in)) continue;
      found.push_back({file.path, i + 1, fmt::format("{} must not include <{}>", folder, header),
                       rule.only_in.empty()
                           ? "use what common/base gives for it"
                           : fmt::format("keep it inside {}", fmt::join(rule.only_in, ", "))});
    }
    const bool is_ours = file.lines[i].find('"') != std::string::npos;
    const RoomEdges* const target = is_ours ? RoomOf(FolderOf(header)) : nullptr;
    if (target == nullptr || target == room || target->room == "common/base") continue;
    if (std::ranges::find(room->may_include, target->room) != room->may_include.end()) continue;
    found.push_back({file.path, i + 1,
                     fmt::format("{} must not include {} ({})", room->room, target->room, header),
                     "move what is needed downwards, or allow the edge in "
                     "tests/tidy/allowed_edges.h and say why"});
  }
  return found;
}

std::vector<Violation> CheckHeaderForm(const SourceFile& file) {
  std::vector<Violation> found;
  if (!file.IsHeader()) return found;
  if (file.lines.empty() || !file.lines[0].starts_with("// ")) {
    found.push_back({file.path, 1, "the header does not open with a comment",
                     "say in one sentence what it is, then why (STYLE: header comment)"});
  }
  const std::string guard = GuardOf(file);
  const auto first = std::ranges::find_if(
      file.code, [](const std::string& line) { return line.starts_with("#"); });
  const auto at = static_cast<size_t>(first - file.code.begin());
  if (first == file.code.end() || *first != "#ifndef " + guard || first + 1 == file.code.end() ||
      *(first + 1) != "#define " + guard) {
    found.push_back({file.path, std::min(at, file.code.size() - 1) + 1,
                     "the include guard is not the path", "use " + guard});
  }
  return found;
}

std::vector<Violation> CheckSizes(const SourceFile& file) {
  std::vector<Violation> found;
  const size_t most = file.IsHeader() ? kMaxHeaderLines : kMaxSourceLines;
  if (file.lines.size() > most) {
    found.push_back({file.path, file.lines.size(),
                     fmt::format("{} lines, want at most {}", file.lines.size(), most),
                     "split it by subject: one noun per file"});
  }
  for (size_t i = 0; i < file.lines.size(); ++i) {
    const size_t width = WidthOf(file.lines[i]);
    if (width <= kMaxLineWidth) continue;
    found.push_back({file.path, i + 1, fmt::format("{} columns, want at most 100", width),
                     "run clang-format; break long texts by hand"});
  }
  return found;
}

std::vector<Violation> CheckWords(const SourceFile& file) {
  std::vector<Violation> found;
  const bool is_test = file.path.starts_with("tests/");
  for (const WordRule& rule : WordRules()) {
    if ((is_test && !rule.in_tests) || IsWithinAny(FolderOf(file.path), rule.allowed_in)) continue;
    const re2::RE2 pattern(rule.pattern);
    CN_CHECK(pattern.ok());
    const std::vector<std::string>& lines = rule.in_comments ? file.lines : file.code;
    for (size_t i = 0; i < lines.size(); ++i) {
      re2::StringPiece match;
      const re2::StringPiece line(lines[i]);
      if (!pattern.Match(line, 0, line.size(), re2::RE2::UNANCHORED, &match, 1)) continue;
      found.push_back(
          {file.path, i + 1, fmt::format("`{}` is not used here", match.as_string()), rule.todo});
    }
  }
  return found;
}

}  // namespace consilium::tidy
