// Where the real data lies that tests may use: $CONSILIUM_DATA, else ../shared/data beside the
// source tree. It is not part of the repository, so tests skip, audibly, where it is absent:
//
//   const auto file = DataFile("uci_heart/heart_flamby.csv");
//   if (!file) GTEST_SKIP() << NoDataMessage("uci_heart/heart_flamby.csv");
#ifndef CONSILIUM_TESTS_SUPPORT_DATA_FOLDER_H_
#define CONSILIUM_TESTS_SUPPORT_DATA_FOLDER_H_

#include <optional>
#include <string>
#include <string_view>

namespace consilium::testing {

// nullopt when there is no such folder.
std::optional<std::string> DataFolder();
// The path of a file in it; nullopt when there is no such file.
std::optional<std::string> DataFile(std::string_view name);
// "skipped: no FILE; set CONSILIUM_DATA to the folder that holds it"
std::string NoDataMessage(std::string_view name);

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_SUPPORT_DATA_FOLDER_H_
