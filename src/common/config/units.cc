#include "common/config/units.h"

#include <array>
#include <charconv>

#include "fmt/format.h"

namespace consilium::config {
namespace {

struct TimeUnit {
  std::string_view name;
  int64_t ms;
};
constexpr std::array<TimeUnit, 5> kTimeUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

struct SizeUnit {
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array<SizeUnit, 9> kSizeUnits = {{{"TiB", uint64_t{1} << 40},
                                                 {"GiB", uint64_t{1} << 30},
                                                 {"MiB", uint64_t{1} << 20},
                                                 {"KiB", uint64_t{1} << 10},
                                                 {"TB", 1'000'000'000'000},
                                                 {"GB", 1'000'000'000},
                                                 {"MB", 1'000'000},
                                                 {"KB", 1000},
                                                 {"B", 1}}};
constexpr uint64_t kMaxByteSize = uint64_t{1} << 62;

// Takes a whole number off the front of `text`.
std::optional<uint64_t> TakeCount(std::string_view& text) {
  uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return count;
}

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text) {
  constexpr int64_t kMaxMs =
      std::chrono::duration_cast<std::chrono::milliseconds>(kMaxDuration).count();
  if (text.empty()) return std::nullopt;
  int64_t total_ms = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    const std::optional<uint64_t> count = TakeCount(text);
    const size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const std::string_view name = text.substr(0, letters);
    while (next_unit < kTimeUnits.size() && kTimeUnits[next_unit].name != name) ++next_unit;
    if (!count || next_unit == kTimeUnits.size()) return std::nullopt;
    const int64_t unit_ms = kTimeUnits[next_unit++].ms;
    if (*count > static_cast<uint64_t>((kMaxMs - total_ms) / unit_ms)) return std::nullopt;
    total_ms += static_cast<int64_t>(*count) * unit_ms;
    text.remove_prefix(letters);
  }
  return std::chrono::milliseconds(total_ms);
}

std::optional<uint64_t> ParseByteSize(std::string_view text) {
  const std::optional<uint64_t> count = TakeCount(text);
  if (!count) return std::nullopt;
  if (text.empty()) text = "B";
  for (const SizeUnit& unit : kSizeUnits) {
    if (text != unit.name) continue;
    if (*count > kMaxByteSize / unit.bytes) return std::nullopt;
    return *count * unit.bytes;
  }
  return std::nullopt;
}

std::string DurationText(Duration duration) {
  int64_t left = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (left == 0) return "0s";
  std::string text;
  for (const TimeUnit& unit : kTimeUnits) {
    if (left < unit.ms) continue;
    text += fmt::format("{}{}", left / unit.ms, unit.name);
    left %= unit.ms;
  }
  return text;
}

std::string ByteSizeText(uint64_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (unit.name.size() < 3 || bytes < unit.bytes || bytes % unit.bytes != 0) continue;
    return fmt::format("{}{}", bytes / unit.bytes, unit.name);
  }
  return fmt::format("{}B", bytes);
}

}  // namespace consilium::config
