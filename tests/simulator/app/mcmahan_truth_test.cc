// McMahan et al. 2017 (arXiv 1602.05629), MNIST, 100 clients, the 2NN (784-200-200-10, ReLU), one
// local epoch of batches of 10: how many rounds the paper needs to 97 % of the 10,000 test digits,
// by the share C of the clients in a round. A correct system needs no more at a given learning
// rate, so after that many rounds its model has 97 %.
//
// The paper's learning rates are tuned for each cell; here one per division. A cell takes minutes
// to an hour, so the table is for scripts/truth.sh: CONSILIUM_TRUTH=1 runs the cells of a few
// minutes, CONSILIUM_TRUTH=all every one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <string>

#include "simulator/app/run.h"
#include "tests/support/data_folder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::simulator::app {
namespace {

using consilium::testing::DataFile;
using consilium::testing::NoDataMessage;
using consilium::testing::TempFolder;

constexpr uint32_t kClients = 100;
constexpr double kTarget = 0.97;

struct PaperCell {
  const char* name;
  const char* partition;
  double rate;
  uint32_t clients;  // in a round
  uint32_t rounds;   // of the paper, table 2
  bool quick;
};

void PrintTo(const PaperCell& cell, std::ostream* out) { *out << cell.name; }

std::string TwoHiddenLayers(const PaperCell& cell) {
  return fmt::format(R"(name = "2nn"
rounds = {}
seed = 1
[data]
dataset = "digits"
features = [{{ name = "pixel", count = 784 }}]
standardize = "none"
label = {{ name = "digit", levels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }}
[model]
kind = "mlp"
hidden = [200, 200]
[train]
learning_rate = {}
batch_size = 10
local_epochs = 1
[participation]
min_sites = {}
goal = {}
)",
                     cell.rounds, cell.rate, cell.clients, cell.clients);
}

// Whether it is to run: the cell's cost and what was asked for.
bool Asked(const PaperCell& cell) {
  const char* truth = std::getenv("CONSILIUM_TRUTH");
  return truth != nullptr && (cell.quick || std::string(truth) == "all");
}

class McMahanTable : public ::testing::TestWithParam<PaperCell> {};

TEST_P(McMahanTable, HasTheTargetAfterThePapersRounds) {
  const PaperCell& cell = GetParam();
  if (!Asked(cell)) GTEST_SKIP() << "takes minutes: scripts/truth.sh runs it";
  const auto images = DataFile("mnist/train-images-idx3-ubyte.gz");
  if (!images) GTEST_SKIP() << NoDataMessage("mnist");
  const std::string mnist = images->substr(0, images->rfind('/') + 1);
  TempFolder folder;
  RunOptions options;
  options.job = folder.Write("job.toml", TwoHiddenLayers(cell));
  options.data.data = *images;
  options.data.labels = mnist + "train-labels-idx1-ubyte.gz";
  options.data.test_data = mnist + "t10k-images-idx3-ubyte.gz";
  options.data.test_labels = mnist + "t10k-labels-idx1-ubyte.gz";
  options.sites = kClients;
  ASSERT_OK_AND_ASSIGN(options.partition, ParsePartition(cell.partition));
  ASSERT_OK_AND_ASSIGN(const RunResult result, RunSimulation(options, {}));
  ASSERT_EQ(result.job.status(), v1::JOB_STATUS_DONE);
  const v1::SplitMetricsView& test = result.job.steps().rbegin()->metrics().test();
  ASSERT_EQ(test.rows(), 10'000u);
  fmt::print("TRUTH 2nn {} {} rounds {:.4f}, want {}\n", cell.name, cell.rounds, test.accuracy(),
             kTarget);
  EXPECT_GE(test.accuracy(), kTarget);
}

INSTANTIATE_TEST_SUITE_P(
    Table, McMahanTable,
    ::testing::Values(PaperCell{"iid_c10", "iid", 0.1, 10, 87, true},
                      PaperCell{"iid_c20", "iid", 0.1, 20, 77, true},
                      PaperCell{"iid_c50", "iid", 0.1, 50, 75, true},
                      PaperCell{"iid_c100", "iid", 0.1, 100, 70, true},
                      PaperCell{"shards_c10", "shards:2", 0.05, 10, 664, true},
                      PaperCell{"shards_c20", "shards:2", 0.05, 20, 619, false},
                      PaperCell{"shards_c50", "shards:2", 0.05, 50, 443, false},
                      PaperCell{"shards_c100", "shards:2", 0.05, 100, 380, false}),
    [](const auto& cell) { return std::string(cell.param.name); });

}  // namespace
}  // namespace consilium::simulator::app
