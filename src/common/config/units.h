// Durations and byte sizes as people write them in a file, a flag or a variable.
//
// Pure; thread-safe.
#ifndef CONSILIUM_COMMON_CONFIG_UNITS_H_
#define CONSILIUM_COMMON_CONFIG_UNITS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace consilium::config {

inline constexpr Duration kMaxDuration = std::chrono::hours(24 * 3650);

// "250ms", "30s", "5m", "1h30m", "2d": whole numbers with ms, s, m, h or d, each unit once, largest
// first. nullopt for anything else, and above kMaxDuration.
std::optional<Duration> ParseDuration(std::string_view text);

// "4096", "512KiB", "64MiB", "2GiB", "1TiB" (powers of 1024), "10KB", "5MB", "1GB" (powers of
// 1000), "17B". nullopt for anything else, and above 2^62.
std::optional<uint64_t> ParseByteSize(std::string_view text);

// What ParseDuration reads: "1h30m", "250ms", "0s".
std::string DurationText(Duration duration);
// What ParseByteSize reads: "64MiB", "1000B".
std::string ByteSizeText(uint64_t bytes);

}  // namespace consilium::config

#endif  // CONSILIUM_COMMON_CONFIG_UNITS_H_
