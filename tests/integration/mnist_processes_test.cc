// The golden file M1 out of ten processes with certificates and mTLS, each with 6,000 digits of its
// own. With full batches and one step a round it is the same arithmetic as with a hundred sites.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/learn/model_file.h"
#include "tests/integration/lab.h"
#include "tests/simulation/mnist_golden.h"
#include "tests/simulation/mnist_sites.h"
#include "tests/support/data_folder.h"
#include "tests/support/status_matchers.h"

namespace consilium::testing {
namespace {

using nlohmann::json;

constexpr size_t kProcesses = 10;

TEST(MnistProcesses, M1ComesOutOfTen) {
  const auto golden_file = DataFile("golden/mnist_softmax_deterministic.json");
  const auto images = DataFile("mnist/train-images-idx3-ubyte.gz");
  if (!golden_file || !images) GTEST_SKIP() << NoDataMessage("mnist");
  const json golden = json::parse(std::ifstream(*golden_file))["cases"]["M1_iid_E1"];
  const TempFolder digits;
  ASSERT_THAT(
      simulation::CutMnist(images->substr(0, images->rfind('/') + 1), kProcesses, digits, nullptr),
      IsOk());
  Lab lab;
  std::vector<std::string> sites;
  for (size_t k = 0; k < kProcesses; ++k) sites.push_back(fmt::format("site-{}", k));
  const Ran up = lab.Up(sites, simulation::kMnistClient, digits.path());
  ASSERT_EQ(up.exit_code, 0) << up.err;
  const json job = lab.RunJob(fmt::format(
      "name = \"mnist\"\nrounds = {}\n{}[train]\nlearning_rate = {}\nbatch_size = \"full\"\n"
      "local_steps = 1\n[participation]\nmin_sites = {}\nround_deadline = \"2m\"\n",
      golden["rounds"].get<int>(), simulation::kMnistData, golden["lr"].get<double>(), kProcesses));
  ASSERT_EQ(job["status"], "done") << job.dump(2);
  const std::string file = lab.PathOf("m.safetensors");
  ASSERT_EQ(lab.Consilium({"model", "get", job["job"], "-o", file}).exit_code, 0);
  ASSERT_OK_AND_ASSIGN(const auto model, learn::DecodeModel(AsBytes(ReadTextFile(file))));
  simulation::ExpectMnistWeights(model.tensors, golden);
  ASSERT_EQ(job["steps"].size(), golden["rounds"].get<size_t>() + 1);
  for (const json& point : golden["hist_round_acc_loss"]) {
    const json& test = job["steps"][point[0].get<size_t>()]["metrics"]["test"];
    EXPECT_EQ(test["rows"], 10'000);
    EXPECT_DOUBLE_EQ(test["accuracy"], point[1]) << "after round " << point[0];
    EXPECT_NEAR(test["loss"], point[2], simulation::kMnistLoss) << "after round " << point[0];
  }
}

}  // namespace
}  // namespace consilium::testing
