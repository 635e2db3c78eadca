#include "cli/output/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace consilium::cli {

std::string Sparkline(std::span<const double> values, size_t width) {
  static constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄",
                                                              "▅", "▆", "▇", "█"};
  if (values.size() > width) values = values.last(width);
  double low = INFINITY;
  double high = -INFINITY;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  std::string line;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      line += ' ';
      continue;
    }
    const double part = high > low ? (value - low) / (high - low) : 0.0;
    line += kBlocks[std::min<size_t>(7, static_cast<size_t>(part * 8.0))];
  }
  return line;
}

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> kUnits = {"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  return value < 10 ? fmt::format("{:.1f} {}", value, kUnits[unit])
                    : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

std::string FormatMetric(std::optional<double> value) {
  return value.has_value() && std::isfinite(*value) ? fmt::format("{:.4f}", *value) : "-";
}

std::string FormatSeconds(uint64_t millis) {
  if (millis < 10'000) return fmt::format("{:.2f} s", static_cast<double>(millis) / 1000.0);
  if (millis < 60'000) return fmt::format("{:.1f} s", static_cast<double>(millis) / 1000.0);
  const uint64_t seconds = millis / 1000;
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

}  // namespace consilium::cli
