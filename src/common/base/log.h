// Structured logs: one line per event on stdout, JSON for machines, short text on a terminal.
//
//   Log(Level::kInfo, "round committed", {{"job", id.value()}, {"round", 3}, {"seconds", 0.12}});
//
// `event` is a fixed phrase that can be grepped; everything that varies is a field. Never a
// patient's value, never a key. Thread-safe.
// Before InitLog only errors are written, and to stderr: a program whose stdout is data does not
// call it.
#ifndef CONSILIUM_COMMON_BASE_LOG_H_
#define CONSILIUM_COMMON_BASE_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"

namespace consilium {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kAuto, kJson, kText };  // kAuto: text on a terminal, JSON elsewhere

struct LogField {
  template <typename T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  LogField(std::string_view k, T v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  std::string_view key;
  std::variant<int64_t, bool, double, std::string> value;
};

// Call once, first thing in main. `process` ("server", "client") is in every line.
void InitLog(std::string_view process, Level least, LogFormat format);
void Log(Level level, std::string_view event, std::initializer_list<LogField> fields = {});
// Adds error code, message and help of `status` as fields.
void LogStatus(Level level, std::string_view event, const absl::Status& status,
               std::initializer_list<LogField> fields = {});

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_LOG_H_
