// The golden file M1: 100 sites of 600 digits each, through coordinator, sessions and the
// in-memory link. Each site has its own rows of MNIST in files of its own.
#include "tests/simulation/mnist_golden.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/simulation/in_memory_lab.h"
#include "tests/simulation/mnist_sites.h"
#include "tests/support/data_folder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::simulation {
namespace {

using consilium::testing::DataFile;
using consilium::testing::IsOk;
using consilium::testing::NoDataMessage;
using consilium::testing::TempFolder;
using nlohmann::json;

constexpr size_t kMnistSites = 100;

std::string MnistJob(const json& golden) {
  return fmt::format(
      "name = \"mnist\"\nrounds = {}\n{}[train]\nlearning_rate = {}\nbatch_size = \"full\"\n"
      "local_steps = {}\n[participation]\nmin_sites = {}\n",
      golden["rounds"].get<int>(), kMnistData, golden["lr"].get<double>(),
      golden["local_steps"].get<int>(), kMnistSites);
}

// A step's metrics are those of the state that it starts from.
void ExpectHistory(const FinishedJob& job, const json& golden) {
  const auto& steps = job.view.steps;
  ASSERT_EQ(steps.size(), golden["rounds"].get<size_t>() + 1);
  for (const json& point : golden["hist_round_acc_loss"]) {
    const auto& test = steps.at(point[0].get<size_t>()).metrics.test.value();
    EXPECT_EQ(test.rows, 10'000u);
    EXPECT_DOUBLE_EQ(*test.accuracy, point[1]) << "after round " << point[0];
    EXPECT_NEAR(test.loss, point[2], kMnistLoss) << "after round " << point[0];
  }
  EXPECT_NEAR(steps.back().metrics.train.value().loss, golden["train_loss"], kMnistLoss);
}

TEST(MnistInMemory, M1ComesOutOf100Sites) {
  const auto golden_file = DataFile("golden/mnist_softmax_deterministic.json");
  const auto images = DataFile("mnist/train-images-idx3-ubyte.gz");
  if (!golden_file || !images) GTEST_SKIP() << NoDataMessage("mnist");
  const std::string mnist = images->substr(0, images->rfind('/') + 1);
  const json golden = json::parse(std::ifstream(*golden_file))["cases"]["M1_iid_E1"];
  const TempFolder folder;
  ASSERT_THAT(CutMnist(mnist, kMnistSites, folder, nullptr), IsOk());
  std::vector<std::string> names;
  for (size_t k = 0; k < kMnistSites; ++k) names.push_back(fmt::format("site-{}", k));
  ASSERT_OK_AND_ASSIGN(const FinishedJob job,
                       RunInMemory(MnistJob(golden), LabSites(names, kMnistClient, folder.path())));
  ExpectMnistWeights(job.content.broadcast.tensors, golden);
  ExpectHistory(job, golden);
}

}  // namespace
}  // namespace consilium::simulation
