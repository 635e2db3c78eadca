#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "cli/lab/lab.h"

namespace consilium::cli {
namespace {

TEST(SyntheticHospitals, SameSeedSameBytesOtherSeedOthers) {
  EXPECT_EQ(SyntheticHospitals(7), SyntheticHospitals(7));
  EXPECT_NE(SyntheticHospitals(7), SyntheticHospitals(8));
}

TEST(SyntheticHospitals, FourSitesWithBothClassesInBothFolds) {
  std::istringstream lines(SyntheticHospitals(7));
  std::string line;
  std::getline(lines, line);
  const auto commas = std::ranges::count(line, ',');
  std::map<std::string, int> cells;  // "site fold label" -> rows
  while (std::getline(lines, line)) {
    ASSERT_EQ(std::ranges::count(line, ','), commas) << line;
    std::istringstream fields(line);
    std::string site, name, fold;
    std::getline(fields, site, ',');
    std::getline(fields, name, ',');
    std::getline(fields, fold, ',');
    ++cells[site + " " + fold + " " + line.back()];
  }
  EXPECT_EQ(cells.size(), 16u);
}

}  // namespace
}  // namespace consilium::cli
