// The golden file M1: 100 sites of 600 digits each, through coordinator, sessions and the
// in-memory link. Each site has its own rows of MNIST in files of its own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/inflate.h"
#include "common/base/storage.h"
#include "tests/simulation/in_memory_lab.h"
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
constexpr double kMnistWeights = 1e-4;
constexpr double kMnistLoss = 1e-5;

constexpr const char* kMnistClient = R"([datasets.digits]
path = "{data}/train-{index}.idx"
labels = "{data}/train-labels-{index}.idx"
test_path = "{data}/test-{index}.idx"
test_labels = "{data}/test-labels-{index}.idx"
[policy]
datasets = ["digits"]
workloads = ["train", "evaluate"]
researchers = ["*"]
)";

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

// Cuts an IDX file of `row_bytes` a row into one per site: site k has rows [k n, (k + 1) n).
absl::Status Cut(const std::string& source, size_t head, size_t row_bytes, const TempFolder& folder,
                 const std::string& name) {
  auto packed = ReadWhole(PosixStorage(), source, 1 << 26);
  if (!packed.ok()) return packed.status();
  auto bytes = InflateGzip(*packed, source);
  if (!bytes.ok()) return bytes.status();
  const std::string_view text = AsText(*bytes);
  const size_t rows = (text.size() - head) / row_bytes / kMnistSites;
  for (size_t k = 0; k < kMnistSites; ++k) {
    std::string file(text.substr(0, 4));
    file += BigEndian(static_cast<uint32_t>(rows));
    file += text.substr(8, head - 8);
    file += text.substr(head + k * rows * row_bytes, rows * row_bytes);
    folder.Write(fmt::format("{}-{}.idx", name, k), file);
  }
  return absl::OkStatus();
}

std::string MnistJob(const json& golden) {
  return fmt::format(
      "name = \"mnist\"\nrounds = {}\n[data]\ndataset = \"digits\"\n"
      "features = [{{ name = \"pixel\", count = 784 }}]\nstandardize = \"none\"\n"
      "label = {{ name = \"digit\", levels = [\"0\", \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", "
      "\"7\", \"8\", \"9\"] }}\n[model]\nkind = \"softmax\"\n[train]\nlearning_rate = {}\n"
      "batch_size = \"full\"\nlocal_steps = {}\n[participation]\nmin_sites = 100\n",
      golden["rounds"].get<int>(), golden["lr"].get<double>(), golden["local_steps"].get<int>());
}

// |ours - golden| / |golden|.
double RelativeTo(std::span<const float> ours, const json& golden) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    const double wanted = golden[i];
    difference += (ours[i] - wanted) * (ours[i] - wanted);
    norm += wanted * wanted;
  }
  return std::sqrt(difference / norm);
}

void ExpectWeights(const tensor::Bundle& tensors, const json& golden) {
  const std::span<const float> w = tensors.Float32(tensors.IndexOf("w"));
  const std::span<const float> b = tensors.Float32(tensors.IndexOf("b"));
  EXPECT_LE(RelativeTo(b, golden["bias"]), kMnistWeights);
  EXPECT_LE(RelativeTo(w.subspan(406 * 10, 10), golden["w_pixel_406"]), kMnistWeights);
  double squares = 0;
  for (const std::span<const float> part : {w, b}) {
    for (const float value : part) squares += static_cast<double>(value) * value;
  }
  EXPECT_NEAR(std::sqrt(squares) / golden["w_norm"].get<double>(), 1, kMnistWeights);
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
  ASSERT_THAT(Cut(*images, 16, 784, folder, "train"), IsOk());
  ASSERT_THAT(Cut(mnist + "train-labels-idx1-ubyte.gz", 8, 1, folder, "train-labels"), IsOk());
  ASSERT_THAT(Cut(mnist + "t10k-images-idx3-ubyte.gz", 16, 784, folder, "test"), IsOk());
  ASSERT_THAT(Cut(mnist + "t10k-labels-idx1-ubyte.gz", 8, 1, folder, "test-labels"), IsOk());
  std::vector<std::string> names;
  for (size_t k = 0; k < kMnistSites; ++k) names.push_back(fmt::format("site-{}", k));
  ASSERT_OK_AND_ASSIGN(const FinishedJob job,
                       RunInMemory(MnistJob(golden), LabSites(names, kMnistClient, folder.path())));
  ExpectWeights(job.content.broadcast.tensors, golden);
  ExpectHistory(job, golden);
}

}  // namespace
}  // namespace consilium::simulation
