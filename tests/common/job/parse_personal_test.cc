// [personal] in job files: defaults, what the names of layers mean, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/job/job_spec.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::job {
namespace {

using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kMlp = "kind = \"mlp\"\nhidden = [4, 3]\n";
constexpr const char* kLogistic = "kind = \"logistic\"\n";

absl::StatusOr<JobSpec> ParseOwn(const std::string& personal, const std::string& model = kMlp,
                                 const std::string& rest = "") {
  return ParseJob(AsBytes("name = \"j\"\nrounds = 2\n[data]\ndataset = \"d\"\nlabel = \"y\"\n"
                          "features = [\"a\"]\n[model]\n" +
                          model + rest + "[personal]\n" + personal + "\n"),
                  "job.toml");
}

void ExpectNotPersonal(const absl::StatusOr<JobSpec>& spec, ErrorCode code, const std::string& what,
                       const std::string& help = "") {
  ASSERT_FALSE(spec.ok()) << what;
  EXPECT_EQ(CodeOf(spec.status()), code) << spec.status();
  const std::string text(spec.status().ToString());
  EXPECT_THAT(text, HasSubstr(what));
  EXPECT_THAT(text, HasSubstr(help));
}

TEST(ParsePersonal, RowsStandInTheOrderOfTheirKindsAndInTheReadme) {
  const std::string readme = consilium::testing::ReadTextFile(CONSILIUM_SOURCE_DIR "/README.md");
  for (size_t i = 0; i < PersonalTable().size(); ++i) {
    const PersonalRow& row = PersonalTable()[i];
    EXPECT_EQ(static_cast<size_t>(row.kind), i + 1);
    EXPECT_EQ(&RowOf(row.kind), &row);
    EXPECT_FALSE(row.reference.empty());
    EXPECT_THAT(readme, HasSubstr("| `" + std::string(row.name) + "` | "));
  }
}

TEST(ParsePersonal, WithoutTheTableNothingIsPersonal) {
  ASSERT_OK_AND_ASSIGN(
      const JobSpec spec,
      ParseJob(AsBytes("name = \"j\"\nrounds = 2\n[data]\ndataset = \"d\"\nlabel = \"y\"\n"
                       "features = [\"a\"]\n[model]\nkind = \"logistic\"\n"),
               "job.toml"));
  EXPECT_EQ(spec.personal.kind, PersonalKind::kNone);
  EXPECT_THAT(spec.personal.tensors, IsEmpty());
  EXPECT_EQ(TextOf(spec.personal), "none");
}

TEST(ParsePersonal, ASpecIsSaidWithEveryParameterThatItHas) {
  EXPECT_EQ(TextOf(ParseOwn("method = \"ditto\"\nsteps = 3").value().personal),
            "ditto, lambda 0.1, steps 3, learning_rate 0.1");
  EXPECT_EQ(TextOf(ParseOwn("method = \"fine_tune\"").value().personal),
            "fine_tune, epochs 1, learning_rate 0.1");
  EXPECT_EQ(TextOf(ParseOwn("method = \"layers\"\nlayers = [\"last\"]").value().personal),
            "layers, layer2.w, layer2.b stay at the sites");
}

TEST(ParsePersonal, LayersAreNamedByPlaceByNameAndByTensor) {
  const auto tensors = [](const std::string& names, const char* model = kMlp) {
    return ParseOwn("method = \"layers\"\nlayers = " + names, model).value().personal.tensors;
  };
  EXPECT_THAT(tensors("[\"last\"]"), ElementsAre("layer2.w", "layer2.b"));
  EXPECT_THAT(tensors("[\"first\"]"), ElementsAre("layer0.w", "layer0.b"));
  EXPECT_THAT(tensors("[\"layer1\"]"), ElementsAre("layer1.w", "layer1.b"));
  EXPECT_THAT(tensors("[\"biases\"]"), ElementsAre("layer0.b", "layer1.b", "layer2.b"));
  // In the order of the model, each once.
  EXPECT_THAT(tensors("[\"layer2.w\", \"layer0.b\", \"layer2.w\"]"),
              ElementsAre("layer0.b", "layer2.w"));
  EXPECT_THAT(tensors("[\"b\"]", kLogistic), ElementsAre("b"));
  EXPECT_THAT(tensors("[\"biases\"]", kLogistic), ElementsAre("b"));
}

TEST(ParsePersonal, LayersThatAreNoneOrAllAreRefused) {
  ExpectNotPersonal(ParseOwn("method = \"layers\""), ErrorCode::kJobMissingKey, "key `layers`",
                    "name what stays at the sites");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = []"), ErrorCode::kJobOutOfRange,
                    "is empty");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = [\"head\"]"), ErrorCode::kJobOutOfRange,
                    "12 10 job.toml", "layer0.w, layer0.b, layer1.w, layer1.b, layer2.w, layer2.b");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = [\"layer\"]"),
                    ErrorCode::kJobOutOfRange, "holds \"layer\"");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = [\"last\"]", kLogistic),
                    ErrorCode::kJobConflict, "keeps all of the model", "learn together");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = [\"first\", \"layer1\", \"last\"]"),
                    ErrorCode::kJobConflict, "keeps all of the model");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = \"last\""), ErrorCode::kJobWrongType,
                    "personal.layers");
}

TEST(ParsePersonal, DittoTrainsAsARoundWhereNothingElseIsSaid) {
  ASSERT_OK_AND_ASSIGN(const JobSpec usual, ParseOwn("method = \"ditto\"", kMlp,
                                                     "[train]\nlearning_rate = 0.5\n"
                                                     "local_steps = 7\n"));
  EXPECT_EQ(usual.personal.kind, PersonalKind::kDitto);
  EXPECT_DOUBLE_EQ(usual.personal.lambda, 0.1);
  EXPECT_FLOAT_EQ(usual.personal.learning_rate, 0.5f);
  EXPECT_EQ(usual.personal.steps, 7u);
  EXPECT_EQ(usual.personal.epochs, 0u);
  ASSERT_OK_AND_ASSIGN(const JobSpec said,
                       ParseOwn("method = \"ditto\"\nlambda = 0\nepochs = 3\nlearning_rate = 0.25",
                                kMlp, "[train]\nlocal_steps = 7\n"));
  EXPECT_DOUBLE_EQ(said.personal.lambda, 0);
  EXPECT_FLOAT_EQ(said.personal.learning_rate, 0.25f);
  EXPECT_EQ(said.personal.epochs, 3u);
  EXPECT_EQ(said.personal.steps, 0u);
}

TEST(ParsePersonal, FineTuningIsOneEpochWhereNothingElseIsSaid) {
  ASSERT_OK_AND_ASSIGN(const JobSpec usual,
                       ParseOwn("method = \"fine_tune\"", kMlp, "[train]\nlocal_steps = 7\n"));
  EXPECT_EQ(usual.personal.epochs, 1u);
  EXPECT_EQ(usual.personal.steps, 0u);
  ASSERT_OK_AND_ASSIGN(const JobSpec steps, ParseOwn("method = \"fine_tune\"\nsteps = 20"));
  EXPECT_EQ(steps.personal.epochs, 0u);
  EXPECT_EQ(steps.personal.steps, 20u);
}

TEST(ParsePersonal, AParameterOfAnotherMethodIsRefusedByName) {
  ExpectNotPersonal(ParseOwn("method = \"ditto\"\nlayers = [\"last\"]"), ErrorCode::kJobConflict,
                    "`personal.layers` does not go with method = \"ditto\"",
                    "that method has lambda, epochs, steps, learning_rate");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = [\"last\"]\nlambda = 1"),
                    ErrorCode::kJobConflict, "`personal.lambda` does not go with", "has layers");
  ExpectNotPersonal(ParseOwn("method = \"fine_tune\"\nlambda = 1"), ErrorCode::kJobConflict,
                    "`personal.lambda`");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = [\"last\"]\nepochs = 1"),
                    ErrorCode::kJobConflict, "`personal.epochs`");
}

TEST(ParsePersonal, ValuesOutOfRangeAndOfAnotherTypeAreRefused) {
  ExpectNotPersonal(ParseOwn(""), ErrorCode::kJobMissingKey, "key `method`", "fine_tune");
  ExpectNotPersonal(ParseOwn("method = \"dito\""), ErrorCode::kJobOutOfRange, "dito", "ditto");
  ExpectNotPersonal(ParseOwn("method = 1"), ErrorCode::kJobWrongType, "personal.method");
  ExpectNotPersonal(ParseOwn("method = \"ditto\"\nlambda = -0.5"), ErrorCode::kJobOutOfRange,
                    "personal.lambda");
  ExpectNotPersonal(ParseOwn("method = \"ditto\"\nlambda = \"much\""), ErrorCode::kJobWrongType,
                    "personal.lambda");
  ExpectNotPersonal(ParseOwn("method = \"ditto\"\nlearning_rate = 0"), ErrorCode::kJobOutOfRange,
                    "personal.learning_rate");
  ExpectNotPersonal(ParseOwn("method = \"ditto\"\nlearning_rate = 1e-60"),
                    ErrorCode::kJobOutOfRange, "rounds to 0");
  ExpectNotPersonal(ParseOwn("method = \"fine_tune\"\nepochs = 0"), ErrorCode::kJobOutOfRange,
                    "personal.epochs");
  ExpectNotPersonal(ParseOwn("method = \"fine_tune\"\nepochs = 1\nsteps = 1"),
                    ErrorCode::kJobConflict, "exclude each other", "keep one");
  ExpectNotPersonal(ParseOwn("method = \"ditto\"\nmu = 1"), ErrorCode::kJobUnknownKey, "key `mu`");
}

TEST(ParsePersonal, StrategiesThatKeepAVectorAtTheSitesAreRefused) {
  for (const char* strategy : {"scaffold", "feddyn"}) {
    ExpectNotPersonal(ParseOwn("method = \"ditto\"", kMlp,
                               std::string("[aggregation]\nstrategy = \"") + strategy + "\"\n"),
                      ErrorCode::kJobConflict, strategy, "take fedavg");
  }
  for (const StrategyRow& row : StrategyTable()) {
    if (row.vectors.site_vector || row.has_buffer) continue;
    EXPECT_THAT(ParseOwn("method = \"ditto\"", kMlp,
                         "[aggregation]\nstrategy = \"" + std::string(row.name) + "\"\n"),
                IsOk());
  }
}

TEST(ParsePersonal, WhatMovesInEveryRoundHasNoPlaceForLateUpdates) {
  const std::string late = "[participation]\nlate = \"next_round\"\n";
  ExpectNotPersonal(ParseOwn("method = \"ditto\"", kMlp, late), ErrorCode::kJobConflict,
                    "late update", "remove `participation.late");
  ExpectNotPersonal(ParseOwn("method = \"layers\"\nlayers = [\"last\"]", kMlp,
                             "[aggregation]\nstrategy = \"fedbuff\"\n"),
                    ErrorCode::kJobConflict, "late update", "another strategy");
  EXPECT_THAT(ParseOwn("method = \"fine_tune\"", kMlp, late), IsOk());
}

}  // namespace
}  // namespace consilium::job
