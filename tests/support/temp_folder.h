// A fresh folder under the system's temporary folder, removed with all it holds at the end.
#ifndef CONSILIUM_TESTS_SUPPORT_TEMP_FOLDER_H_
#define CONSILIUM_TESTS_SUPPORT_TEMP_FOLDER_H_

#include <string>
#include <string_view>

namespace consilium::testing {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string PathOf(std::string_view name) const;
  // Writes a file (not durably) and returns its path.
  std::string Write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

// The whole of a file; empty when it cannot be read.
std::string ReadTextFile(const std::string& path);

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_SUPPORT_TEMP_FOLDER_H_
