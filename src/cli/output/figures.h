// Numbers as people read them: sparklines, bytes, percentages, ages.
#ifndef CONSILIUM_CLI_OUTPUT_FIGURES_H_
#define CONSILIUM_CLI_OUTPUT_FIGURES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace consilium::cli {

// One block character per value, the newest `width` of them; lowest to highest. NaN is a space.
std::string Sparkline(std::span<const double> values, size_t width);
std::string FormatBytes(uint64_t bytes);                // "812 B", "4.1 KB", "98 MB"
std::string FormatMetric(std::optional<double> value);  // "0.8123", or "-"
std::string FormatSeconds(uint64_t millis);             // "0.05 s", "12.3 s", "4m05s"

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_OUTPUT_FIGURES_H_
