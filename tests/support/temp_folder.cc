#include "tests/support/temp_folder.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "common/base/check.h"

namespace consilium::testing {

TempFolder::TempFolder()
    : path_((std::filesystem::temp_directory_path() / "consilium-test-XXXXXX").string()) {
  CN_CHECK(mkdtemp(path_.data()) != nullptr);
}

TempFolder::~TempFolder() {
  std::error_code ignored;  // a folder that stays behind does not fail a test
  std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::PathOf(std::string_view name) const {
  return path_ + '/' + std::string(name);
}

std::string TempFolder::Write(std::string_view name, std::string_view content) const {
  const std::string path = PathOf(name);
  std::error_code ignored;  // the check below notices
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  CN_CHECK(file.good());
  return path;
}

std::string ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace consilium::testing
