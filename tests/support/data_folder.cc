#include "tests/support/data_folder.h"

#include <cstdlib>
#include <filesystem>

namespace consilium::testing {

std::optional<std::string> DataFolder() {
  const char* const named = std::getenv("CONSILIUM_DATA");
  std::filesystem::path folder = std::filesystem::path(CONSILIUM_SOURCE_DIR) / "../shared/data";
  if (named != nullptr && *named != '\0') folder = named;
  std::error_code ignored;  // what cannot be looked at is not there for us
  if (!std::filesystem::is_directory(folder, ignored)) return std::nullopt;
  return folder.lexically_normal().string();
}

std::optional<std::string> DataFile(std::string_view name) {
  const std::optional<std::string> folder = DataFolder();
  if (!folder) return std::nullopt;
  const std::filesystem::path file = std::filesystem::path(*folder) / name;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return std::nullopt;
  return file.string();
}

std::string NoDataMessage(std::string_view name) {
  return "skipped: no " + std::string(name) + "; set CONSILIUM_DATA to the folder that holds it";
}

}  // namespace consilium::testing
