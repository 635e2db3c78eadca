#include "common/base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace consilium {
namespace {

// Payload keys of our own parts; a Status that crosses our process keeps them (rpc copies them).
constexpr char kCodeKey[] = "consilium/code";
constexpr char kPlaceKey[] = "consilium/place";
constexpr char kHelpKey[] = "consilium/help";

// By way of a view: Cord's constructor from std::string has another symbol under clang than in the
// library that g++ built.
void SetPayload(absl::Status& status, const char* key, std::string_view value) {
  status.SetPayload(key, absl::Cord(absl::string_view(value.data(), value.size())));
}

std::optional<std::string> PayloadOf(const absl::Status& status, const char* key) {
  const auto payload = status.GetPayload(key);
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

// Place as a payload: "line column file".
std::string EncodePlace(const Place& place) {
  return fmt::format("{} {} {}", place.line, place.column, place.file);
}

std::optional<Place> DecodePlace(std::string_view text) {
  Place place;
  for (int* number : {&place.line, &place.column}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
    if (error != std::errc() || end == text.data() + text.size() || *end != ' ') {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  }
  place.file = text;
  return place;
}

std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// What came from a peer or a file cannot steer the terminal that shows it.
std::string WithoutControls(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == '\x7f'; }, '?');
  return text;
}

}  // namespace

std::string Place::ToString() const {
  if (line <= 0) return file;
  const std::string text = file.empty() ? fmt::format("line {}", line)  //
                                        : fmt::format("{}:{}", file, line);
  return column > 0 ? fmt::format("{}:{}", text, column) : text;
}

absl::Status Error(ErrorCode code, std::string_view message, std::string_view help) {
  absl::Status status(RowOf(code).status, {message.data(), message.size()});
  SetPayload(status, kCodeKey, CodeName(code));
  if (!help.empty()) SetPayload(status, kHelpKey, help);
  return status;
}

absl::Status ErrorAt(ErrorCode code, const Place& place, std::string_view message,
                     std::string_view help) {
  absl::Status status = Error(code, message, help);
  SetPayload(status, kPlaceKey, EncodePlace(place));
  return status;
}

std::optional<ErrorCode> CodeOf(const absl::Status& status) {
  const std::optional<std::string> name = PayloadOf(status, kCodeKey);
  return name ? ParseCodeName(*name) : std::nullopt;
}

std::optional<Place> PlaceOf(const absl::Status& status) {
  const std::optional<std::string> text = PayloadOf(status, kPlaceKey);
  return text ? DecodePlace(*text) : std::nullopt;
}

std::string HelpOf(const absl::Status& status) {
  if (const std::optional<std::string> help = PayloadOf(status, kHelpKey)) return *help;
  const std::optional<ErrorCode> code = CodeOf(status);
  return code ? std::string(RowOf(*code).next) : std::string();
}

std::string CodeName(ErrorCode code) { return fmt::format("CN{:04}", static_cast<int>(code)); }

std::optional<ErrorCode> ParseCodeName(std::string_view name) {
  const auto rows = AllErrorRows();
  const auto row =
      std::ranges::find_if(rows, [&](const ErrorRow& r) { return CodeName(r.code) == name; });
  if (row == rows.end()) return std::nullopt;
  return row->code;
}

const ErrorRow& RowOf(ErrorCode code) {
  const auto rows = AllErrorRows();
  const auto row = std::ranges::find(rows, code, &ErrorRow::code);
  CN_CHECK(row != rows.end());
  return *row;
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return 0;
  if (const std::optional<ErrorCode> code = CodeOf(status)) return RowOf(*code).exit_code;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return 2;
    case absl::StatusCode::kDeadlineExceeded:
      return 3;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 4;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return 5;
    default:
      return 1;
  }
}

std::string FormatError(const absl::Status& status) {
  const std::optional<ErrorCode> code = CodeOf(status);
  std::string text = code ? fmt::format("error[{}]: ", CodeName(*code)) : "error: ";
  if (const std::optional<Place> place = PlaceOf(status)) text += place->ToString() + ": ";
  text += MessageOf(status);
  text += '\n';
  if (const std::string help = HelpOf(status); !help.empty()) text += "  help: " + help + '\n';
  return WithoutControls(std::move(text));
}

absl::Status Annotate(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  absl::Status result(status.code(), fmt::format("{}: {}", prefix, MessageOf(status)));
  status.ForEachPayload(
      [&](auto key, const absl::Cord& payload) { result.SetPayload(key, payload); });
  return result;
}

}  // namespace consilium
