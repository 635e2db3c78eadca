#include "common/config/daemon_sections.h"

#include <array>
#include <charconv>
#include <filesystem>

#include "fmt/format.h"

namespace consilium::config {

std::optional<HostPort> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  HostPort out;
  const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (fault != std::errc() || end != port.data() + port.size()) return std::nullopt;
  out.host = std::string(host);
  return out;
}

std::string HostPortText(const HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address.host, address.port)
            : fmt::format("{}:{}", address.host, address.port);
}

std::optional<std::string> PathOf(const TomlTable& table, std::string_view key,
                                  const std::string& folder) {
  const std::optional<std::string> text = table.Text(key);
  if (!text) return std::nullopt;
  const bool from_file = table.PlaceOf(key).line > 0;
  const std::filesystem::path path(*text);
  if (!from_file || path.is_absolute()) return path.string();
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

std::string FolderOf(const std::string& file) {
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(file, ignored);
  return absolute.parent_path().string();
}

TlsSection ReadTls(const TomlTable& tls, const std::string& folder) {
  TlsSection section;
  const std::array<std::pair<const char*, std::string*>, 3> keys = {
      {{"cert", &section.cert}, {"key", &section.key}, {"ca", &section.ca}}};
  for (const auto& [key, value] : keys) {
    if (!tls.Has(key)) tls.Missing(key, "make the files with `consilium pki issue`");
    *value = PathOf(tls, key, folder).value_or("");
  }
  return section;
}

OpsSection ReadOps(const TomlTable& ops, std::string_view preset) {
  const std::string text = ops.Text("listen").value_or(std::string(preset));
  if (text.empty()) return {};
  const std::optional<HostPort> listen = ParseHostPort(text);
  if (!listen) {
    ops.OutOfRange("listen", fmt::format("is \"{}\", want \"host:port\" or \"\"", text),
                   "\"\" turns the port off; \"127.0.0.1:0\" takes any free one");
  }
  return {listen};
}

LogSection ReadLog(const TomlTable& log) {
  constexpr std::array kLevels = {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError};
  constexpr std::array kFormats = {LogFormat::kAuto, LogFormat::kJson, LogFormat::kText};
  LogSection section;
  if (const auto level = log.Choice("level", {"debug", "info", "warning", "error"})) {
    section.level = kLevels[*level];
  }
  if (const auto format = log.Choice("format", {"auto", "json", "text"})) {
    section.format = kFormats[*format];
  }
  return section;
}

}  // namespace consilium::config
