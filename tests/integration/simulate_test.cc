// `consilium simulate` beside a real federation of the same sites: processes, certificates, mTLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/lab.h"

namespace consilium::testing {
namespace {

using nlohmann::json;

constexpr const char* kJob = R"(
name = "same-bits"
rounds = 6
[data]
dataset = "heart"
label = "disease"
features = ["age", "sex", "chol", "thalach", "oldpeak"]
[model]
kind = "mlp"
hidden = [4]
[train]
learning_rate = 0.05
batch_size = 16
local_epochs = 2
[participation]
min_sites = 4
[aggregation]
strategy = "fedadam"
[personal]
method = "ditto"
steps = 3
)";

TEST(Simulate, GivesTheStateOfARealFederationOfTheSameSites) {
  Lab lab;
  const Ran up = lab.Up();
  ASSERT_EQ(up.exit_code, 0) << up.err;
  const json real = lab.RunJob(kJob);
  ASSERT_EQ(real["status"], "done") << real;
  const json simulated = lab.Json({"simulate", lab.Write("same.toml", kJob), "--data",
                                   lab.PathOf("consilium-lab/synthetic.csv"), "--dataset",
                                   CONSILIUM_SOURCE_DIR "/examples/heart/simulate.toml",
                                   "--partition", "column:site_name"});
  ASSERT_TRUE(simulated.is_object());
  EXPECT_EQ(simulated["state"], real["state"]);
  EXPECT_EQ(simulated["steps"].back()["metrics"], real["steps"].back()["metrics"]);
  EXPECT_TRUE(real["steps"].back()["metrics"].contains("personal_test")) << real;
}

}  // namespace
}  // namespace consilium::testing
