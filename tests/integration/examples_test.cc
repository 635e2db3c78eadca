// The examples' pages: every command runs and prints what the page shows, on the real data.
#include <gtest/gtest.h>

#include "tests/integration/page.h"
#include "tests/support/data_folder.h"

namespace consilium::testing {
namespace {

struct Example {
  const char* name;  // of the test
  const char* page;
  const char* data;  // its folder of the real data
  const char* file;  // in it
};

class ExamplePage : public ::testing::TestWithParam<Example> {};

TEST_P(ExamplePage, PrintsWhatItShows) {
  const std::string file = std::string(GetParam().data) + "/" + GetParam().file;
  if (!DataFile(file)) GTEST_SKIP() << NoDataMessage(file);
  RunPage(GetParam().page, {.data = {GetParam().data}, .outputs = true});
}

INSTANTIATE_TEST_SUITE_P(
    Examples, ExamplePage,
    ::testing::Values(Example{"BreastCancerSurvival", "examples/breast-cancer-survival/README.md",
                              "tcga_brca", "brca.csv"},
                      Example{"Heart", "examples/heart/README.md", "uci_heart", "heart_flamby.csv"},
                      Example{"Digits", "examples/digits/README.md", "mnist",
                              "train-images-idx3-ubyte.gz"}),
    [](const auto& example) { return std::string(example.param.name); });

}  // namespace
}  // namespace consilium::testing
