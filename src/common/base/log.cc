#include "common/base/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mutex.h"

namespace consilium {
namespace {

// Where lines go. Until InitLog: errors only, on stderr, because stdout may be somebody's data.
struct Settings {
  std::string process = "consilium";
  Level least = Level::kError;
  bool json = true;
  std::shared_ptr<spdlog::logger> writer;
};

Mutex settings_mutex;

Settings& CurrentSettings() ABSL_EXCLUSIVE_LOCKS_REQUIRED(settings_mutex) {
  static Settings* const settings = new Settings;  // never destroyed: lines may come at the end
  return *settings;
}

template <typename Sink>
std::shared_ptr<spdlog::logger> MakeWriter() {
  auto writer = std::make_shared<spdlog::logger>("consilium", std::make_shared<Sink>());
  writer->set_pattern("%v");
  writer->flush_on(spdlog::level::trace);
  return writer;
}

std::string_view NameOf(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      break;
  }
  return "error";
}

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string JsonLine(std::string_view process, Level level, std::string_view event,
                     std::span<const LogField> fields) {
  nlohmann::ordered_json line;
  line["time"] = FormatUtc(SystemClock().UtcNow());
  line["level"] = NameOf(level);
  line["process"] = process;
  line["event"] = event;
  for (const LogField& field : fields) {
    std::visit([&](const auto& value) { line.emplace(std::string(field.key), value); },
               field.value);
  }
  return Dump(line);
}

std::string TextValue(const std::string& value) {
  const bool plain = !value.empty() && std::ranges::all_of(value, [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '\\';
  });
  return plain ? value : Dump(value);
}
std::string TextValue(bool value) { return value ? "true" : "false"; }
std::string TextValue(int64_t value) { return fmt::format("{}", value); }
std::string TextValue(double value) { return fmt::format("{:.6g}", value); }

std::string TextLine(Level level, std::string_view event, std::span<const LogField> fields) {
  const std::string time = FormatUtc(SystemClock().UtcNow()).substr(11, 12);
  std::string line = fmt::format("{} {:<7} {}", time, NameOf(level), event);
  for (const LogField& field : fields) {
    line +=
        fmt::format("  {}={}", field.key,
                    std::visit([](const auto& value) { return TextValue(value); }, field.value));
  }
  return line;
}

void Write(Level level, std::string_view event, std::span<const LogField> fields) {
  std::shared_ptr<spdlog::logger> writer;
  std::string process;
  bool json = true;
  {
    MutexLock lock(settings_mutex);
    Settings& settings = CurrentSettings();
    if (level < settings.least) return;
    if (settings.writer == nullptr) settings.writer = MakeWriter<spdlog::sinks::stderr_sink_mt>();
    writer = settings.writer;
    process = settings.process;
    json = settings.json;
  }
  const std::string line =
      json ? JsonLine(process, level, event, fields) : TextLine(level, event, fields);
  writer->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void InitLog(std::string_view process, Level least, LogFormat format) {
  MutexLock lock(settings_mutex);
  Settings& settings = CurrentSettings();
  settings.process = process;
  settings.least = least;
  settings.json =
      format == LogFormat::kJson || (format == LogFormat::kAuto && isatty(STDOUT_FILENO) == 0);
  settings.writer = MakeWriter<spdlog::sinks::stdout_sink_mt>();
}

void Log(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  Write(level, event, {fields.begin(), fields.size()});
}

void LogStatus(Level level, std::string_view event, const absl::Status& status,
               std::initializer_list<LogField> fields) {
  std::vector<LogField> all(fields);
  if (const auto code = CodeOf(status)) all.emplace_back("code", CodeName(*code));
  if (const auto place = PlaceOf(status)) all.emplace_back("place", place->ToString());
  all.emplace_back("message", std::string(status.message()));
  if (std::string help = HelpOf(status); !help.empty()) all.emplace_back("help", std::move(help));
  Write(level, event, all);
}

}  // namespace consilium
