// Counts: where gradient steps over all sites end is the maximum of the likelihood of all rows.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "client/train/predict.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/status_matchers.h"

namespace consilium::testing {
namespace {

using client::data::Dataset;

job::JobSpec PoissonJob(uint32_t columns, float rate, uint32_t rounds) {
  job::JobSpec spec = LogisticJob(columns);
  spec.model.kind = job::ModelKind::kPoisson;
  spec.data.classes = 1;
  spec.data.standardize = job::Standardize::kNone;
  spec.strategy.kind = job::StrategyKind::kFedSgd;
  spec.rounds = rounds;
  spec.train.learning_rate = rate;
  spec.train.batch_size = 0;
  spec.train.local_epochs = 0;
  spec.train.local_steps = 1;
  return spec;
}

Dataset Counts(uint32_t columns, std::vector<double> x, std::vector<double> y) {
  Dataset dataset;
  dataset.train.columns = dataset.test.columns = columns;
  dataset.train.x = std::move(x);
  dataset.train.y = std::move(y);
  dataset.test = dataset.train;
  return dataset;
}

// Without a feature that says anything the mean is that of the rows.
TEST(Poisson, InterceptAloneIsTheLogOfTheMean) {
  const std::vector<Dataset> sites = {Counts(1, {0, 0, 0}, {1, 2, 9}), Counts(1, {0}, {4})};
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(PoissonJob(1, 0.2F, 100), sites));
  const tensor::Bundle& model = result.state.broadcast.tensors;
  EXPECT_NEAR(model.Float32(1)[0], std::log(4.0), 1e-5);
  EXPECT_EQ(model.Float32(0)[0], 0);
}

// Dobson 1990, page 93, a randomised controlled trial, as in R's ?glm: counts by outcome (2 and 3
// against 1) and treatment (2 and 3 against 1); glm(counts ~ outcome + treatment, poisson()).
// Residual deviance 5.1291. Here in two sites.
TEST(Poisson, RsExampleComesOut) {
  const std::vector<Dataset> sites = {
      Counts(4, {0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, {18, 17, 15, 20}),
      Counts(4, {1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1},
             {10, 20, 25, 13, 12})};
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(PoissonJob(4, 0.03F, 3000), sites));
  const tensor::Bundle& model = result.state.broadcast.tensors;
  const double wanted[] = {-0.4542553, -0.2929871, 0, 0};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(model.Float32(0)[i], wanted[i], 2e-5) << i;
  EXPECT_NEAR(model.Float32(1)[0], 3.044522, 2e-5);
  const auto& train = result.steps.back().all.train.value();
  EXPECT_NEAR(9 * train.deviance.value(), 5.1291, 1e-4);
  EXPECT_DOUBLE_EQ(train.deviance.value(), 2 * train.loss);
  EXPECT_FALSE(train.accuracy.has_value());
  ASSERT_OK_AND_ASSIGN(const client::train::Prediction prediction,
                       client::train::Predict(result.state.broadcast, sites[0].test, nullptr));
  EXPECT_EQ(prediction.metrics.value().deviance,
            result.steps.back().sites[0].test.value().deviance);
  EXPECT_TRUE(prediction.probabilities.empty());
}

TEST(Poisson, ALabelThatIsNoCountIsRefused) {
  for (const double label : {-1.0, 0.5, std::nan(""), 1e9}) {
    EXPECT_THAT(RunJob(PoissonJob(1, 0.1F, 1), {Counts(1, {0}, {label})}),
                HasCode(ErrorCode::kModelMismatch))
        << label;
  }
}

}  // namespace
}  // namespace consilium::testing
