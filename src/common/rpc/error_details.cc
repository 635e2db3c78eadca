#include "common/rpc/error_details.h"

#include <algorithm>

#include "common/base/bytes.h"

namespace consilium::rpc {
namespace {

constexpr uint32_t kMagic = 0x52454e43;  // "CNER"
constexpr uint16_t kVersion = 2;         // 2: retry_after
constexpr uint16_t kOldestVersion = 1;   // without it

bool IsKnown(int code) {
  return std::ranges::any_of(
      AllErrorRows(), [code](const ErrorRow& row) { return static_cast<int>(row.code) == code; });
}

}  // namespace

std::string EncodeErrorDetails(const ErrorDetails& details) {
  Bytes bytes;
  ByteWriter writer(bytes);
  const Place place = details.place.value_or(Place{});
  writer.Put(kMagic);
  writer.Put(kVersion);
  writer.Put(static_cast<uint16_t>(details.code));
  writer.Put(static_cast<uint8_t>(details.place.has_value()));
  writer.Put(static_cast<int32_t>(place.line));
  writer.Put(static_cast<int32_t>(place.column));
  writer.PutText(CutText(place.file, kMaxErrorFileBytes));
  writer.PutText(CutText(details.help, kMaxErrorHelpBytes));
  const auto after = std::chrono::duration_cast<std::chrono::milliseconds>(
      details.retry_after.value_or(Duration(0)));
  writer.Put(static_cast<uint8_t>(details.retry_after.has_value()));
  writer.Put(static_cast<uint32_t>(std::clamp<int64_t>(after.count(), 0, UINT32_MAX)));
  return std::string(AsText(bytes));
}

std::optional<ErrorDetails> DecodeErrorDetails(std::string_view bytes) {
  ByteReader reader(AsBytes(bytes));
  const auto magic = reader.Get<uint32_t>();
  const auto version = reader.Get<uint16_t>();
  const auto code = reader.Get<uint16_t>();
  const auto placed = reader.Get<uint8_t>();
  Place place;
  place.line = reader.Get<int32_t>();
  place.column = reader.Get<int32_t>();
  place.file = reader.GetText(kMaxErrorFileBytes);
  const std::string_view help = reader.GetText(kMaxErrorHelpBytes);
  // A later version only appends.
  if (!reader.ok() || magic != kMagic || version < kOldestVersion || !IsKnown(code))
    return std::nullopt;
  ErrorDetails details;
  details.code = static_cast<ErrorCode>(code);
  if (placed != 0) details.place = std::move(place);
  details.help = help;
  if (version == kOldestVersion) return details;
  const bool timed = reader.Get<uint8_t>() != 0;
  const auto millis = reader.Get<uint32_t>();
  if (!reader.ok()) return std::nullopt;
  if (timed) details.retry_after = std::chrono::milliseconds(millis);
  return details;
}

std::string CutText(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace consilium::rpc
