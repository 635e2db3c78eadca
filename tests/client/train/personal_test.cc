// [personal] at the sites: small examples worked by hand from the papers, and whole jobs in which
// sites that are unlike do better with a model of their own.
#include "client/train/personal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "common/learn/contribution.h"
#include "common/learn/personal_layout.h"
#include "tests/client/train/tiny_federation.h"
#include "tests/support/first_state.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::train {
namespace {

using ::consilium::testing::HasCode;
using ::consilium::testing::JobResult;
using ::consilium::testing::LogisticJob;
using ::consilium::testing::RunJob;
using ::consilium::testing::Synthetic;
using job::PersonalKind;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// s = x w + b with squared error / 2, steps of 0.5 over all rows: of one row x = y = 1 the gradient
// of both is w + b - 1.
job::JobSpec OneRowJob(job::PersonalSpec personal, uint32_t rounds = 1) {
  job::JobSpec spec = LogisticJob(1);
  spec.rounds = rounds;
  spec.model.kind = job::ModelKind::kLinear;
  spec.data.classes = 1;
  spec.data.standardize = job::Standardize::kNone;
  spec.train.learning_rate = 0.5f;
  spec.train.batch_size = 0;
  spec.train.local_epochs = 0;
  spec.train.local_steps = 1;
  personal.learning_rate = 0.5f;
  spec.personal = std::move(personal);
  return spec;
}

data::Dataset OneRow(double x, double y) {
  data::Dataset dataset;
  dataset.train.columns = dataset.test.columns = 1;
  dataset.train.x = {x};
  dataset.train.y = {y};
  return dataset;
}

struct Task {
  wire::Workload workload = wire::Workload::kTrain;
  std::vector<float> global = {0, 0};  // the shared tensors' values
  std::vector<float> own = {};
  uint64_t min_cell = 1;
};

absl::StatusOr<Contribution> RunOneRow(const job::JobSpec& spec, const Task& task,
                                       const data::Dataset& rows = OneRow(1, 1)) {
  wire::StatePart state = std::move(testing::FirstStateOf(spec, nullptr).value().broadcast);
  for (size_t t = 0; t < task.global.size(); ++t) state.tensors.Float32(t)[0] = task.global[t];
  SiteTask site{task.workload, RoundNumber(task.workload == wire::Workload::kTrain ? 1 : 0),
                SiteId("a")};
  site.own = task.own;
  site.min_cell = task.min_cell;
  return RunSiteHalf(spec, site, state, rows, nullptr);
}

float Delta(const Contribution& contribution, const std::string& tensor) {
  return contribution.values.Float32(contribution.values.IndexOf(tensor))[0];
}
double Sum(const Contribution& contribution, const std::string& tensor) {
  return contribution.values.Float64(contribution.values.IndexOf(tensor))[0];
}

// Ditto, algorithm 1, w = (0, 0), v = (1/2, 0), lambda 2, eta 1/2, two steps:
//   1  g = 1/2 + 0 - 1 = -1/2; v <- v - 1/2 (g + 2 (v - w)) = (1/2 - 1/2 (1/2), 0 + 1/4) = (1/4,
//   1/4) 2  g = -1/2;               v <- (1/4 - 1/2 (-1/2 + 1/2), 1/4 - 1/2 (-1/2 + 1/2)) = (1/4,
//   1/4)
// and the global model takes its own step: w - 1/2 (-1) = (1/2, 1/2).
TEST(Personal, DittoPullsItsOwnModelToTheGlobalOne) {
  const job::JobSpec spec = OneRowJob({.kind = PersonalKind::kDitto, .lambda = 2, .steps = 2});
  ASSERT_OK_AND_ASSIGN(const Contribution trained, RunOneRow(spec, {.own = {0.5f, 0}}));
  EXPECT_FLOAT_EQ(Delta(trained, "w"), 0.5f);
  EXPECT_FLOAT_EQ(Delta(trained, "b"), 0.5f);
  EXPECT_THAT(trained.next_own, ElementsAre(FloatEq(0.25f), FloatEq(0.25f)));
  // The evaluation is of what the step starts from: (w + b - 1)^2 / 2.
  EXPECT_DOUBLE_EQ(Sum(trained, "eval.train.loss_sum"), 0.5);
  EXPECT_DOUBLE_EQ(Sum(trained, "personal.train.loss_sum"), 0.125);
  EXPECT_DOUBLE_EQ(Sum(trained, "personal.train.rows"), 1);
  EXPECT_THAT(trained.own_model, IsEmpty());
}

// Nothing kept yet: v is w. Without a pull it is what training alone comes to.
TEST(Personal, DittoBeginsAsTheFirstGlobalModelThatItMeets) {
  const job::JobSpec spec = OneRowJob({.kind = PersonalKind::kDitto, .lambda = 0, .steps = 1});
  ASSERT_OK_AND_ASSIGN(const Contribution trained, RunOneRow(spec, {.global = {0.25f, 0.25f}}));
  EXPECT_THAT(trained.next_own, ElementsAre(FloatEq(0.5f), FloatEq(0.5f)));
  EXPECT_EQ(Sum(trained, "personal.train.loss_sum"), Sum(trained, "eval.train.loss_sum"));
}

// Shared w = 1/4, the site's own b = -1/4: g = -1, so w moves by 1/2, and b stays here as 1/4.
TEST(Personal, LayersAreTrainedTogetherAndOnlyTheSharedOnesAreContributed) {
  const job::JobSpec spec = OneRowJob({.kind = PersonalKind::kLayers, .tensors = {"b"}});
  ASSERT_OK_AND_ASSIGN(const Contribution trained,
                       RunOneRow(spec, {.global = {0.25f}, .own = {-0.25f}}));
  EXPECT_FLOAT_EQ(Delta(trained, "w"), 0.5f);
  EXPECT_FALSE(trained.values.layout().Find("b").has_value());
  EXPECT_THAT(trained.next_own, ElementsAre(FloatEq(0.25f)));
  EXPECT_DOUBLE_EQ(Sum(trained, "personal.train.loss_sum"), 0.5);  // (1/4 - 1/4 - 1)^2 / 2
  EXPECT_DOUBLE_EQ(Sum(trained, "eval.train.loss_sum"), 0.28125);  // (1/4 + 0 - 1)^2 / 2
}

// Two steps from (1/2, 0): g = -1/2, then 0. Nothing is trained before the end.
TEST(Personal, FineTuningComesOnceAtTheEnd) {
  const job::JobSpec spec = OneRowJob({.kind = PersonalKind::kFineTune, .steps = 2});
  ASSERT_OK_AND_ASSIGN(const Contribution trained, RunOneRow(spec, {}));
  EXPECT_THAT(trained.next_own, IsEmpty());
  EXPECT_FALSE(trained.values.layout().Find("personal.train.rows").has_value());
  ASSERT_OK_AND_ASSIGN(
      const Contribution ended,
      RunOneRow(spec, {.workload = wire::Workload::kEvaluate, .global = {0.5f, 0}}));
  EXPECT_THAT(ended.own_model, ElementsAre(FloatEq(0.75f), FloatEq(0.25f)));
  EXPECT_DOUBLE_EQ(Sum(ended, "eval.train.loss_sum"), 0.125);
  EXPECT_DOUBLE_EQ(Sum(ended, "personal.train.loss_sum"), 0);
}

TEST(Personal, ASiteWithoutTrainingRowsIsFineWithTheGlobalModel) {
  data::Dataset rows = OneRow(1, 1);
  std::swap(rows.train, rows.test);
  const job::JobSpec spec = OneRowJob({.kind = PersonalKind::kFineTune, .steps = 2});
  ASSERT_OK_AND_ASSIGN(
      const Contribution ended,
      RunOneRow(spec, {.workload = wire::Workload::kEvaluate, .global = {0.5f, 0}}, rows));
  EXPECT_THAT(ended.own_model, ElementsAre(0.5f, 0));
  EXPECT_DOUBLE_EQ(Sum(ended, "personal.test.loss_sum"), 0.125);
}

// What a personal evaluation rests on counts against min_cell like any other.
TEST(Personal, FewerRowsThanThePolicyNamesAreNotSpokenOf) {
  const job::JobSpec spec = OneRowJob({.kind = PersonalKind::kDitto, .steps = 1});
  ASSERT_OK_AND_ASSIGN(const Contribution trained, RunOneRow(spec, {.min_cell = 2}));
  const auto& layout = trained.values.layout();
  for (size_t t = 0; t < layout.size(); ++t) {
    if (!layout.tensors()[t].name.starts_with("personal.")) continue;
    EXPECT_EQ(trained.support[t], 0u) << layout.tensors()[t].name;
    for (const double value : trained.values.Float64(t)) EXPECT_EQ(value, 0);
  }
}

TEST(Personal, WhatIsKeptHasToFitTheJob) {
  EXPECT_THAT(RunOneRow(OneRowJob({.kind = PersonalKind::kDitto, .steps = 1}), {.own = {1}}),
              HasCode(ErrorCode::kModelMismatch));
  EXPECT_THAT(RunOneRow(OneRowJob({.kind = PersonalKind::kLayers, .tensors = {"b"}}),
                        {.global = {0}, .own = {1, 2}}),
              HasCode(ErrorCode::kModelMismatch));
}

TEST(Personal, AModelOfItsOwnThatDivergesIsNamed) {
  job::JobSpec spec = OneRowJob({.kind = PersonalKind::kDitto, .lambda = 1000, .steps = 1000});
  spec.personal.learning_rate = 1000;
  const auto trained = RunOneRow(spec, {});
  EXPECT_THAT(trained, HasCode(ErrorCode::kTrainingDiverged));
  EXPECT_THAT(trained.status().ToString(), ::testing::HasSubstr("personal.learning_rate"));
}

// [personal] ditto and fine_tune leave the global model as it is, bit for bit.
TEST(Personal, TheGlobalModelDoesNotNoticeDittoAndFineTuning) {
  const std::vector<data::Dataset> sites = {Synthetic(1, 60, 3), Synthetic(2, 40, 3)};
  const auto state = [&](PersonalKind kind) {
    job::JobSpec spec = LogisticJob(3);
    spec.personal.kind = kind;
    spec.personal.epochs = 2;
    return wire::EncodeStatePart(RunJob(spec, sites).value().state.broadcast);
  };
  EXPECT_EQ(state(PersonalKind::kDitto), state(PersonalKind::kNone));
  EXPECT_EQ(state(PersonalKind::kFineTune), state(PersonalKind::kNone));
}

// Two sites with the same rows and opposite labels: together there is nothing to learn, and each
// learns well for itself.
std::vector<data::Dataset> Opposed() {
  std::vector<data::Dataset> sites = {Synthetic(3, 200, 2), Synthetic(3, 200, 2)};
  for (double& y : sites[1].train.y) y = 1 - y;
  for (double& y : sites[1].test.y) y = 1 - y;
  return sites;
}

class OpposedSites : public ::testing::TestWithParam<PersonalKind> {};

TEST_P(OpposedSites, DoBetterEachWithAModelOfItsOwn) {
  job::JobSpec spec = LogisticJob(2);
  spec.rounds = 20;
  spec.model.kind = job::ModelKind::kMlp;
  spec.model.hidden = {8};
  spec.model.start = job::StartKind::kSeed;
  spec.train.learning_rate = 0.3f;
  spec.personal.kind = GetParam();
  spec.personal.learning_rate = 0.3f;
  spec.personal.epochs = GetParam() == PersonalKind::kFineTune ? 20 : 1;
  if (GetParam() == PersonalKind::kLayers) spec.personal.tensors = {"layer1.w", "layer1.b"};
  ASSERT_OK_AND_ASSIGN(const JobResult result, RunJob(spec, Opposed()));
  const auto& evaluation = result.steps.back();
  EXPECT_LT(evaluation.all.test->accuracy.value(), 0.65);
  EXPECT_GT(evaluation.all.personal_test->accuracy.value(), 0.8);
  EXPECT_LT(evaluation.all.personal_test->loss, evaluation.all.test->loss - 0.2);
  ASSERT_THAT(evaluation.sites, SizeIs(2));
  for (const auto& site : evaluation.sites) {
    EXPECT_GT(site.personal_test->accuracy.value(), 0.8);
    EXPECT_EQ(site.personal_test->rows, site.test->rows);
  }
  EXPECT_THAT(result.own_models, SizeIs(2));
}
INSTANTIATE_TEST_SUITE_P(Methods, OpposedSites,
                         ::testing::Values(PersonalKind::kLayers, PersonalKind::kDitto,
                                           PersonalKind::kFineTune));

// A site that misses rounds goes on from what it kept.
TEST(Personal, ASiteThatMissesARoundKeepsItsLayers) {
  job::JobSpec spec = LogisticJob(2);
  spec.rounds = 4;
  spec.personal = {.kind = PersonalKind::kLayers, .tensors = {"b"}};
  ASSERT_OK_AND_ASSIGN(const JobResult all, RunJob(spec, Opposed()));
  ASSERT_OK_AND_ASSIGN(const JobResult missed,
                       RunJob(spec, Opposed(), {.takes_part = [](RoundNumber round, size_t site) {
                                return site == 0 || round == RoundNumber(1);
                              }}));
  EXPECT_NE(all.own_models[1].back(), missed.own_models[1].back());
  EXPECT_NE(missed.own_models[1].back(), 0);
}

}  // namespace
}  // namespace consilium::client::train
