#include "cli/output/console.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/base/error.h"

namespace consilium::cli {
namespace {

void Put(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

std::string Line(const nlohmann::json& envelope) {
  return envelope.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string EnvelopeOf(std::string_view kind, const nlohmann::json& data) {
  return Line({{"consilium", 1}, {"kind", kind}, {"data", data}});
}

void Console::Data(std::string_view text) const { Put(stdout, text); }

void Console::Talk(std::string_view text) const {
  if (!json) Put(stderr, text);
}

void Console::Next(std::string_view command) const {
  if (!json) Put(stderr, fmt::format("{} {}\n", terminal.Paint(Style::kDim, "next:"), command));
}

void Console::Json(std::string_view kind, const nlohmann::json& data) const {
  Put(stdout, EnvelopeOf(kind, data));
}

void Console::Error(const absl::Status& status) const {
  if (!json) {
    Put(stderr, FormatError(status));
    return;
  }
  nlohmann::json error = {{"message", std::string(status.message())},
                          {"help", HelpOf(status)},
                          {"exit_code", ExitCodeOf(status)}};
  if (const auto code = CodeOf(status)) error["code"] = CodeName(*code);
  if (const auto place = PlaceOf(status)) {
    error["place"] = {{"file", place->file}, {"line", place->line}, {"column", place->column}};
  }
  Put(stdout, Line({{"consilium", 1}, {"kind", "error"}, {"error", error}}));
}

absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t most) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    return consilium::Error(errno == ENOENT ? ErrorCode::kFileNotFound : ErrorCode::kFileUnreadable,
                            fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  if (S_ISDIR(info.st_mode)) {
    return consilium::Error(ErrorCode::kFileUnreadable,
                            fmt::format("{} is a folder, want a file", path));
  }
  if (static_cast<uint64_t>(info.st_size) > most) {
    return consilium::Error(
        ErrorCode::kFileTooLarge,
        fmt::format("{} has {} bytes, want at most {}", path, info.st_size, most));
  }
  std::ifstream in(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) {
    return consilium::Error(ErrorCode::kFileUnreadable, fmt::format("cannot read {}", path));
  }
  return content;
}

absl::Status WriteFile(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) {
    return consilium::Error(ErrorCode::kStorageIo,
                            fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace consilium::cli
