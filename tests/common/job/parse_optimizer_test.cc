// What [train] says of local steps: what is read, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/job/job_spec.h"
#include "common/job/job_warnings.h"
#include "tests/support/status_matchers.h"

namespace consilium::job {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::HasSubstr;

absl::StatusOr<JobSpec> ParseOptimizer(const std::string& keys, const std::string& strategy) {
  return ParseJob(AsBytes("name = \"j\"\nrounds = 20\n[model]\nkind = \"logistic\"\n[data]\n"
                          "dataset = \"d\"\nlabel = \"y\"\nfeatures = [\"a\"]\n"
                          "[aggregation]\nstrategy = \"" +
                          strategy + "\"\n[train]\n" + keys + "\n"),
                  "job.toml");
}

void ExpectOptimizerError(const std::string& keys, ErrorCode code, const std::string& what,
                          const std::string& help = "", const std::string& strategy = "fedavg") {
  const auto spec = ParseOptimizer(keys, strategy);
  ASSERT_FALSE(spec.ok()) << keys;
  EXPECT_EQ(CodeOf(spec.status()), code) << spec.status();
  EXPECT_THAT(std::string(spec.status().message()), HasSubstr(what));
  EXPECT_THAT(HelpOf(spec.status()), HasSubstr(help));
}

TEST(ParseOptimizer, PlainStepsAreTheDefault) {
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, ParseOptimizer("", "fedavg"));
  const OptimizerSpec& optimizer = spec.train.optimizer;
  EXPECT_EQ(optimizer.kind, OptimizerKind::kSgd);
  EXPECT_EQ(optimizer.l1 + optimizer.l2 + optimizer.clip_norm, 0);
  EXPECT_EQ(spec.train.schedule.kind, ScheduleKind::kConstant);
  EXPECT_EQ(spec.train.schedule.warmup_rounds, 0u);
}

TEST(ParseOptimizer, ReadsEachWithItsParameters) {
  ASSERT_OK_AND_ASSIGN(const JobSpec nesterov,
                       ParseOptimizer("optimizer = \"nesterov\"\nmomentum = 0.5\nl1 = 0.25\n"
                                      "l2 = 0.125\nclip_norm = 3",
                                      "fedavg"));
  EXPECT_EQ(nesterov.train.optimizer.kind, OptimizerKind::kNesterov);
  EXPECT_EQ(nesterov.train.optimizer.momentum, 0.5);
  EXPECT_EQ(nesterov.train.optimizer.l1, 0.25);
  EXPECT_EQ(nesterov.train.optimizer.l2, 0.125);
  EXPECT_EQ(nesterov.train.optimizer.clip_norm, 3);
  ASSERT_OK_AND_ASSIGN(const JobSpec adamw,
                       ParseOptimizer("optimizer = \"adamw\"\nbeta1 = 0.8\nbeta2 = 0.99\n"
                                      "epsilon = 1e-6\nweight_decay = 0.1",
                                      "fedavg"));
  EXPECT_EQ(adamw.train.optimizer.kind, OptimizerKind::kAdamW);
  EXPECT_EQ(adamw.train.optimizer.beta1, 0.8);
  EXPECT_EQ(adamw.train.optimizer.beta2, 0.99);
  EXPECT_EQ(adamw.train.optimizer.epsilon, 1e-6);
  EXPECT_EQ(adamw.train.optimizer.weight_decay, 0.1);
}

TEST(ParseOptimizer, ReadsSchedules) {
  ASSERT_OK_AND_ASSIGN(const JobSpec step,
                       ParseOptimizer("schedule = \"step\"\ndecay_every = 5\ndecay_factor = 0.5\n"
                                      "warmup_rounds = 3",
                                      "scaffold"));
  EXPECT_EQ(step.train.schedule.kind, ScheduleKind::kStep);
  EXPECT_EQ(step.train.schedule.decay_every, 5u);
  EXPECT_EQ(step.train.schedule.decay_factor, 0.5);
  EXPECT_EQ(step.train.schedule.warmup_rounds, 3u);
  ASSERT_OK_AND_ASSIGN(const JobSpec cosine,
                       ParseOptimizer("schedule = \"cosine\"\nleast_rate = 0.01", "fedavg"));
  EXPECT_EQ(cosine.train.schedule.kind, ScheduleKind::kCosine);
  EXPECT_EQ(cosine.train.schedule.least_rate, 0.01);
}

TEST(ParseOptimizer, AParameterOfAnotherIsRefused) {
  const auto conflict = ErrorCode::kJobConflict;
  ExpectOptimizerError("momentum = 0.9", conflict, "does not go with optimizer = \"sgd\"",
                       "\"momentum\" or \"nesterov\"");
  ExpectOptimizerError("optimizer = \"momentum\"\nbeta1 = 0.9", conflict, "beta1", "adam");
  ExpectOptimizerError("optimizer = \"sgd\"\nbeta2 = 0.9", conflict, "beta2", "adam");
  ExpectOptimizerError("optimizer = \"nesterov\"\nepsilon = 0.1", conflict, "epsilon", "adam");
  ExpectOptimizerError("optimizer = \"adam\"\nweight_decay = 0.1", conflict, "weight_decay", "l2");
  ExpectOptimizerError("decay_every = 2", conflict, "schedule = \"constant\"", "step");
  ExpectOptimizerError("schedule = \"cosine\"\ndecay_factor = 0.5", conflict, "decay_factor",
                       "step");
  ExpectOptimizerError("schedule = \"step\"\ndecay_every = 2\nleast_rate = 0.01", conflict,
                       "least_rate", "cosine");
}

TEST(ParseOptimizer, ValuesOutOfRangeAndOfOtherTypesAreRefused) {
  const auto range = ErrorCode::kJobOutOfRange;
  for (const char* keys :
       {"optimizer = \"momentum\"\nmomentum = 1", "optimizer = \"adam\"\nbeta1 = -0.1",
        "optimizer = \"adam\"\nbeta2 = 1", "optimizer = \"adam\"\nepsilon = 0",
        "optimizer = \"adamw\"\nweight_decay = -1", "l1 = -1", "l2 = 2000", "clip_norm = 0",
        "schedule = \"step\"\ndecay_every = 0", "warmup_rounds = -1",
        "schedule = \"step\"\ndecay_every = 1\ndecay_factor = 0",
        "schedule = \"step\"\ndecay_every = 1\ndecay_factor = 1.5",
        "schedule = \"cosine\"\nleast_rate = -1"}) {
    ExpectOptimizerError(keys, range, "want");
  }
  for (const char* keys :
       {"optimizer = 3", "l1 = \"much\"", "l2 = []", "clip_norm = \"none\"", "schedule = 1",
        "warmup_rounds = 1.5", "optimizer = \"momentum\"\nmomentum = \"heavy\"",
        "schedule = \"step\"\ndecay_every = \"often\""}) {
    ExpectOptimizerError(keys, ErrorCode::kJobWrongType, "");
  }
  ExpectOptimizerError("optimizer = \"adamx\"", range, "", "adam");
}

TEST(ParseOptimizer, ALongAdamStepIsWarnedOf) {
  const auto warnings = [](const char* keys) {
    return WarningsOf(ParseOptimizer(keys, "fedavg").value()).size();
  };
  EXPECT_EQ(warnings("optimizer = \"adam\""), 1u) << "the default rate is that of sgd";
  EXPECT_EQ(warnings("optimizer = \"adam\"\nlearning_rate = 0.001"), 0u);
  EXPECT_EQ(warnings("optimizer = \"nesterov\""), 0u);
}

absl::StatusOr<JobSpec> ParseModelAndTrain(const std::string& model, const std::string& label,
                                           const std::string& train) {
  return ParseJob(AsBytes("name = \"j\"\nrounds = 20\n[model]\n" + model +
                          "\n[data]\ndataset = \"d\"\nlabel = " + label +
                          "\nfeatures = [\"a\"]\n[train]\n" + train + "\n"),
                  "job.toml");
}

TEST(ParseOptimizer, DropoutIsForHiddenUnits) {
  const std::string mlp = "kind = \"mlp\"\nhidden = [4]";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, ParseModelAndTrain(mlp, "\"y\"", "dropout = 0.25"));
  EXPECT_EQ(spec.train.dropout, 0.25);
  EXPECT_THAT(ParseModelAndTrain(mlp, "\"y\"", "dropout = 1"), HasCode(ErrorCode::kJobOutOfRange));
  EXPECT_THAT(ParseModelAndTrain(mlp, "\"y\"", "dropout = \"half\""),
              HasCode(ErrorCode::kJobWrongType));
  ExpectOptimizerError("dropout = 0.5", ErrorCode::kJobConflict, "kind = \"logistic\"", "mlp");
  EXPECT_THAT(ParseOptimizer("dropout = 0", "fedavg"), IsOk());
}

TEST(ParseOptimizer, ClassWeightsAreByLevel) {
  ASSERT_OK_AND_ASSIGN(const JobSpec two,
                       ParseOptimizer("class_weights = { \"1\" = 2.5 }", "fedavg"));
  EXPECT_THAT(two.train.class_weights, ::testing::ElementsAre(1, 2.5F));
  const std::string softmax = "kind = \"softmax\"";
  const std::string levels = "{ name = \"y\", levels = [\"low\", \"mid\", \"high\"] }";
  ASSERT_OK_AND_ASSIGN(
      const JobSpec three,
      ParseModelAndTrain(softmax, levels, "[train.class_weights]\nhigh = 4\nlow = 0.5"));
  EXPECT_THAT(three.train.class_weights, ::testing::ElementsAre(0.5F, 1, 4));
  const auto refused = ParseModelAndTrain(softmax, levels, "class_weights = { none = 2 }");
  EXPECT_THAT(refused, HasCode(ErrorCode::kJobOutOfRange));
  EXPECT_THAT(HelpOf(refused.status()), HasSubstr("\"low\", \"mid\", \"high\""));
  ExpectOptimizerError("class_weights = { \"0\" = 0 }", ErrorCode::kJobOutOfRange, "want");
  ExpectOptimizerError("class_weights = { \"0\" = \"x\" }", ErrorCode::kJobWrongType, "");
  ExpectOptimizerError("class_weights = [1, 2]", ErrorCode::kJobWrongType, "");
  ExpectOptimizerError("class_weights = { \"1\" = 2 }", ErrorCode::kJobConflict, "plain loss",
                       "remove it", "qfedavg");
  EXPECT_THAT(ParseModelAndTrain("kind = \"linear\"", "\"y\"", "class_weights = { \"1\" = 2 }"),
              HasCode(ErrorCode::kJobConflict));
}

TEST(ParseOptimizer, SchedulesHaveToFitTheJob) {
  ExpectOptimizerError("schedule = \"step\"", ErrorCode::kJobMissingKey, "decay_every",
                       "decay_every = 20");
  ExpectOptimizerError("warmup_rounds = 20", ErrorCode::kJobConflict, "the job has 20 rounds",
                       "before the last");
  ExpectOptimizerError("schedule = \"cosine\"\nlearning_rate = 0.1\nleast_rate = 0.2",
                       ErrorCode::kJobConflict, "above `train.learning_rate`");
  ExpectOptimizerError("schedule = \"step\"\ndecay_every = 1\ndecay_factor = 0.0001",
                       ErrorCode::kJobOutOfRange, "gives round 20 a rate that float32 rounds to 0",
                       "let it fall less");
}

TEST(ParseOptimizer, WhatAStrategyCannotGoWithIsRefusedWithTheReason) {
  const auto conflict = ErrorCode::kJobConflict;
  for (const char* kind : {"momentum", "nesterov", "adam", "adamw"}) {
    const std::string keys = "optimizer = \"" + std::string(kind) + "\"";
    ExpectOptimizerError(keys, conflict, "all rows", "optimizer = \"sgd\"", "fedsgd");
    ExpectOptimizerError(keys, conflict, "variates are gradients", "sgd", "scaffold");
    ExpectOptimizerError(keys, conflict, "Lipschitz", "sgd", "qfedavg");
  }
  ExpectOptimizerError("optimizer = \"adam\"", conflict, "how many gradients", "nesterov",
                       "fednova");
  ExpectOptimizerError("optimizer = \"adamw\"", conflict, "objective is flat", "adam", "feddyn");
  ExpectOptimizerError("clip_norm = 1", conflict, "clip_norm", "remove it", "scaffold");
  ExpectOptimizerError("clip_norm = 1", conflict, "clip_norm", "remove it", "feddyn");
  ExpectOptimizerError("l1 = 1", conflict, "plain loss", "remove it", "qfedavg");
  ExpectOptimizerError("l2 = 1", conflict, "plain loss", "remove it", "qfedavg");
}

TEST(ParseOptimizer, WhatAStrategyCanGoWithIsTaken) {
  for (const char* strategy :
       {"fedavg", "fedprox", "fedavgm", "fedadam", "fedyogi", "fedadagrad", "fedbuff"}) {
    EXPECT_THAT(ParseOptimizer("optimizer = \"adamw\"\nclip_norm = 1\nl1 = 0.1", strategy), IsOk());
  }
  EXPECT_THAT(ParseOptimizer("optimizer = \"nesterov\"", "fednova"), IsOk());
  EXPECT_THAT(ParseOptimizer("optimizer = \"adam\"\nl2 = 0.1", "feddyn"), IsOk());
  EXPECT_THAT(ParseOptimizer("l1 = 0.1\nl2 = 0.1", "scaffold"), IsOk());
  EXPECT_THAT(ParseOptimizer("l2 = 0", "qfedavg"), IsOk());
}

}  // namespace
}  // namespace consilium::job
