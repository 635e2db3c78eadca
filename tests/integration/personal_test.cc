// A job whose last layer stays at the sites, over real processes: what left does not have it, and
// each site predicts with its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/lab.h"

namespace consilium::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kLayersJob = R"(
name = "own-head"
rounds = 3
[data]
dataset = "heart"
label = "disease"
features = ["age", "sex", "chol", "thalach", "oldpeak"]
[model]
kind = "mlp"
hidden = [4]
[train]
batch_size = "full"
[participation]
min_sites = 4
[personal]
method = "layers"
layers = ["last"]
)";

TEST(PersonalLayers, NeverLeaveAndPredictWhereTheyAre) {
  Lab lab;
  const Ran up = lab.Up();
  ASSERT_EQ(up.exit_code, 0) << up.err;
  const json job = lab.RunJob(kLayersJob);
  ASSERT_EQ(job["status"], "done") << job;
  const json& evaluation = job["steps"].back();
  for (const json& site : evaluation["sites"]) {
    ASSERT_TRUE(site["metrics"].contains("personal_test")) << site;
  }
  const Ran got = lab.Consilium({"model", "get", "latest", "-o", lab.PathOf("shared.json")});
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_THAT(got.err, HasSubstr("not in it: layer1.w, layer1.b"));
  EXPECT_THAT(ReadTextFile(lab.PathOf("shared.json")), Not(HasSubstr("\"name\": \"layer1")));

  const json& site = evaluation["sites"][0];
  const std::string config =
      lab.PathOf("consilium-lab/sites/" + site["site"].get<std::string>() + "/client.toml");
  const std::string client = "consilium-client";
  const RunOptions options{.folder = lab.folder(), .environment = {}};
  const Ran left = RunProgram({client, "left", "--config", config, "--json"}, options);
  ASSERT_EQ(left.exit_code, 0) << left.err;
  size_t trainings = 0;
  const json updates = json::parse(left.out)["data"];
  for (const json& update : updates) {
    trainings += update["workload"] == "train" ? 1 : 0;
    EXPECT_THAT(update["tensors"].dump(), Not(HasSubstr("layer1")));
  }
  EXPECT_EQ(trainings, 3u);

  const Ran predicted = RunProgram({client, "predict", "--config", config, "--dataset", "heart",
                                    "--model", lab.PathOf("shared.json"), "--json"},
                                   options);
  ASSERT_EQ(predicted.exit_code, 0) << predicted.err;
  const json data = json::parse(predicted.out)["data"];
  EXPECT_TRUE(data.contains("personal"));
  EXPECT_EQ(data["metrics"]["test"]["loss"], site["metrics"]["personal_test"]["loss"]);
  const Ran global = RunProgram({client, "predict", "--config", config, "--dataset", "heart",
                                 "--model", lab.PathOf("shared.json"), "--weights", "global"},
                                options);
  EXPECT_EQ(global.exit_code, 4);
  EXPECT_THAT(global.err, HasSubstr("CN0907"));
}

}  // namespace
}  // namespace consilium::testing
