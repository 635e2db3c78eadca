#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/crypto/sha256.h"
#include "common/job/job_spec.h"
#include "tests/common/job/job_file_text.h"
#include "tests/support/status_matchers.h"

namespace consilium::job {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The example of the documentation.
constexpr std::string_view kExample = R"(name = "heart-disease"
rounds = 50
[data]
dataset = "heart"
label = "disease"
features = ["age", "sex", "trestbps", "chol", "thalach", "oldpeak"]
standardize = "federated"
[model]
kind = "logistic"
[train]
optimizer = "sgd"
learning_rate = 0.1
batch_size = 32
local_epochs = 1
[participation]
min_sites = 3
round_deadline = "5m"
)";

TEST(ParseJob, TheExampleIsReadWithItsDefaults) {
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(kExample));
  EXPECT_EQ(spec.name, "heart-disease");
  EXPECT_EQ(spec.rounds, 50u);
  EXPECT_FALSE(spec.seed_given);
  EXPECT_EQ(spec.data.dataset, "heart");
  EXPECT_EQ(spec.data.label, "disease");
  ASSERT_EQ(spec.data.features.size(), 6u);
  EXPECT_EQ(spec.data.features[5].name, "oldpeak");
  EXPECT_EQ(spec.data.features[5].type, ColumnType::kNumber);
  EXPECT_EQ(spec.data.standardize, Standardize::kFederated);
  EXPECT_EQ(spec.data.classes, 2u);
  EXPECT_EQ(spec.model.kind, ModelKind::kLogistic);
  EXPECT_EQ(spec.model.start, StartKind::kZeros);
  EXPECT_EQ(spec.train.learning_rate, 0.1f);
  EXPECT_EQ(spec.train.batch_size, 32u);
  EXPECT_EQ(spec.train.local_epochs, 1u);
  EXPECT_EQ(spec.train.local_steps, 0u);
  EXPECT_EQ(spec.participation.min_sites, 3u);
  EXPECT_EQ(spec.participation.round_deadline, std::chrono::minutes(5));
  EXPECT_EQ(spec.participation.on_too_few, OnTooFew::kWait);
  EXPECT_EQ(spec.durability, Durability::kUpdate);
  EXPECT_EQ(spec.retain, Retain::kRound);
  EXPECT_EQ(spec.weight_cap, 1u << 20);
  EXPECT_EQ(spec.digest, crypto::Sha256Of(AsBytes(kExample)));
  EXPECT_EQ(spec.design_columns(), 6u);
  EXPECT_EQ(spec.outputs(), 1u);
  EXPECT_EQ(spec.parameters(), 7u);
}

TEST(ParseJob, EveryOtherValueIsRead) {
  ASSERT_OK_AND_ASSIGN(
      const JobSpec spec,
      Parse("name = \"j\"\nrounds = 1000000\nseed = 9223372036854775807\ndurability = \"round\"\n"
            "retain = \"updates\"\n[data]\ndataset = \"d\"\n"
            "label = { name = \"kind\", levels = [\"x\", \"y\", \"z\"] }\n"
            "features = [\"a\", { name = \"s\", type = \"binary\" }, "
            "{ name = \"c\", type = \"category\", levels = [\"1\", \"2\", \"3\"] }]\n"
            "standardize = \"site\"\n[model]\nkind = \"mlp\"\nhidden = [64, 32]\n"
            "[train]\nbatch_size = \"full\"\nlocal_steps = 5\nlearning_rate = 1\n"
            "kernel = \"eigen-3.4.0-x86-64.glibc-2.36\"\n"
            "[participation]\nsites = [\"a\", \"b\"]\nrequired_sites = [\"b\"]\nmin_sites = 2\n"
            "goal = 2\nselect = 1.3\nlate = \"drop\"\nround_deadline = \"1h30m\"\non_too_few = "
            "\"fail\"\nmax_failed_rounds = 0\n"
            "[aggregation]\nstrategy = \"fedavg\"\nweight_cap = 7\n"));
  EXPECT_TRUE(spec.seed_given);
  EXPECT_EQ(spec.seed, 9223372036854775807u);
  EXPECT_EQ(spec.durability, Durability::kRound);
  EXPECT_EQ(spec.retain, Retain::kUpdates);
  EXPECT_EQ(spec.data.classes, 3u);
  EXPECT_THAT(spec.data.label_levels, ElementsAre("x", "y", "z"));
  EXPECT_EQ(spec.data.features[1].type, ColumnType::kBinary);
  EXPECT_THAT(spec.data.features[2].levels, ElementsAre("1", "2", "3"));
  EXPECT_EQ(spec.data.features[2].width(), 2u);
  EXPECT_EQ(spec.design_columns(), 4u);
  EXPECT_EQ(spec.data.standardize, Standardize::kSite);
  EXPECT_THAT(spec.model.hidden, ElementsAre(64u, 32u));
  EXPECT_EQ(spec.model.start, StartKind::kSeed);
  EXPECT_EQ(spec.outputs(), 3u);
  EXPECT_EQ(spec.parameters(), 5u * 64 + 65 * 32 + 33 * 3);
  EXPECT_EQ(spec.train.batch_size, 0u);
  EXPECT_EQ(spec.train.local_epochs, 0u);
  EXPECT_EQ(spec.train.local_steps, 5u);
  EXPECT_EQ(spec.train.kernel, "eigen-3.4.0-x86-64.glibc-2.36");
  EXPECT_EQ(spec.participation.sites.size(), 2u);
  EXPECT_THAT(spec.participation.required_sites, ElementsAre(SiteId("b")));
  EXPECT_EQ(spec.participation.round_deadline, std::chrono::minutes(90));
  EXPECT_EQ(spec.participation.goal, 2u);
  EXPECT_EQ(spec.participation.select, 1.3);
  EXPECT_EQ(spec.participation.on_too_few, OnTooFew::kFail);
  EXPECT_EQ(spec.participation.max_failed_rounds, 0u);
  EXPECT_EQ(spec.weight_cap, 7u);
}

TEST(ParseJob, OverSelectionAloneTakesMinSitesAsItsGoal) {
  Parts parts;
  parts.extra = "[participation]\nmin_sites = 10\nselect = 1.3";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_EQ(spec.participation.goal, 10u);
  parts.extra = "[participation]\nmin_sites = 10";
  ASSERT_OK_AND_ASSIGN(const JobSpec plain, Parse(JobOf(parts)));
  EXPECT_EQ(plain.participation.goal, 0u) << "else every selected site is waited for";
}

TEST(ParseJob, AnMlpWithoutLevelsEndsInOneLogit) {
  Parts parts;
  parts.model = "kind = \"mlp\"\nhidden = [4]";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_EQ(spec.data.classes, 2u);
  EXPECT_TRUE(spec.data.label_levels.empty());
  EXPECT_EQ(spec.outputs(), 1u);
}

TEST(ParseJob, ALinearModelHasOneOutput) {
  Parts parts;
  parts.model = "kind = \"linear\"";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_EQ(spec.data.classes, 1u);
  EXPECT_EQ(spec.outputs(), 1u);
}

TEST(ParseJob, AStateToStartFromIsReadByItsDigest) {
  Parts parts;
  parts.model = "kind = \"logistic\"\ninit = \"sha256:" + std::string(64, 'a') + "\"";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_EQ(spec.model.start, StartKind::kState);
  EXPECT_EQ(HexOf(spec.model.start_state), std::string(64, 'a'));
}

TEST(ParseJob, UnknownKeysNameTheNearestValidOne) {
  ExpectError("name = \"j\"\nround = 2\n",
              {ErrorCode::kJobUnknownKey, 2, 1, "unknown key `round`", "did you mean `rounds`?"});
  Parts parts;
  parts.extra = "[train]\n  lerning_rate = 0.1";
  ExpectError(JobOf(parts),
              {ErrorCode::kJobUnknownKey, 11, 3, "unknown key `lerning_rate` in [train]",
               "did you mean `learning_rate`?"});
  parts.extra = "[trian]\nlearning_rate = 0.1";
  ExpectError(JobOf(parts),
              {ErrorCode::kJobUnknownKey, 10, 0, "unknown key `trian`", "did you mean `train`?"});
}

TEST(ParseJob, AKeyInTheWrongTableIsSentToItsOwn) {
  Parts parts;
  parts.top = "learning_rate = 0.5";
  ExpectError(JobOf(parts), {ErrorCode::kJobUnknownKey, 3, 1, "unknown key `learning_rate`",
                             "`learning_rate` belongs in [train]"});
}

TEST(ParseJob, WrongTypesSayWhatWasFoundAndWanted) {
  ExpectError("name = \"j\"\nrounds = \"many\"\n",
              {ErrorCode::kJobWrongType, 2, 10, "`rounds` is text, want an integer", ""});
  Parts parts;
  parts.features = "features = [\"a\", 3]";
  ExpectError(JobOf(parts),
              {ErrorCode::kJobWrongType, 7, 18, "`data.features` holds an integer", ""});
  parts = Parts();
  parts.model = "kind = [\"logistic\"]";
  ExpectError(JobOf(parts), {ErrorCode::kJobWrongType, 9, 8, "`model.kind` is a list", ""});
  parts = Parts();
  parts.extra = "[participation]\nround_deadline = 300";
  ExpectError(JobOf(parts),
              {ErrorCode::kJobWrongType, 11, 18, "is an integer, want a duration", ""});
}

TEST(ParseJob, MissingKeysAreNamedWithAnExample) {
  ExpectError("",
              {ErrorCode::kJobMissingKey, 0, 0, "missing key `name`", "name = \"my-first-job\""});
  Parts parts;
  parts.label = "";
  ExpectError(JobOf(parts),
              {ErrorCode::kJobMissingKey, 4, 0, "missing key `label` in [data]", "label = \""});
  parts = Parts();
  parts.model = "kind = \"mlp\"";
  ExpectError(JobOf(parts),
              {ErrorCode::kJobMissingKey, 8, 0, "missing key `hidden` in [model]", "[64, 32]"});
}

TEST(ParseJob, WordsThatAreNotChoicesNameTheNearest) {
  Parts parts;
  parts.model = "kind = \"logstic\"";
  ExpectError(JobOf(parts), {ErrorCode::kJobOutOfRange, 9, 8,
                             "`model.kind` is \"logstic\", want \"logistic\", \"linear\", "
                             "\"softmax\", \"mlp\", \"cox\" or \"poisson\"",
                             "did you mean \"logistic\"?"});
  parts = Parts();
  parts.extra = "[train]\nbatch_size = \"ful\"";
  ExpectError(JobOf(parts), {ErrorCode::kJobOutOfRange, 11, 14, "`train.batch_size` is \"ful\"",
                             "did you mean \"full\"?"});
}

TEST(ParseJob, ValuesOutsideTheirRangeAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"[train]\nlearning_rate = 0", "want more than 0"},
      {"[train]\nkernel = \"Eigen 3\"", "want a name of 1 to 64"},
      {"[train]\nlearning_rate = nan", "`train.learning_rate` is nan"},
      {"[train]\nlearning_rate = inf", "`train.learning_rate` is inf"},
      {"[train]\nlearning_rate = 1e-60", "rounds to 0"},
      {"[train]\nbatch_size = 0", "want 1 to"},
      {"[train]\nlocal_epochs = 0", "want 1 to"},
      {"[train]\nlocal_steps = -5", "want 1 to"},
      {"[participation]\nmin_sites = 0", "want 1 to 16384"},
      {"[participation]\ngoal = 0", "want 1 to 16384"},
      {"[participation]\nselect = 0.9", "`participation.select` is 0.9"},
      {"[participation]\nstaleness = []\nlate = \"next_round\"", "want 1 to 64"},
      {"[participation]\nstaleness = [0]\nlate = \"next_round\"", "staleness"},
      {"[participation]\nstaleness = [3, 4]\nlate = \"next_round\"", "grows"},
      {"[participation]\nlate = \"never\"", "want \"drop\""},
      {"[participation]\nround_deadline = \"1ms\"", "is 1ms, want 100ms to 30d"},
      {"[participation]\nmax_failed_rounds = -1", "want 0 to"},
      {"[participation]\nsites = [\"Not A Name\"]", "holds \"Not A Name\""},
      {"[aggregation]\nweight_cap = 536870913", "want 1 to 536870912"},
      {"[aggregation]\nstrategy = \"fedadma\"", "want \"fedavg\", \"fedsgd\""},
      {"[aggregation]\nbeta2 = 1\nstrategy = \"fedadam\"", "`aggregation.beta2` is 1"},
      {"[aggregation]\ntau = 0\nstrategy = \"fedadam\"", "want more than 0"},
      {"[aggregation]\noption = 3\nstrategy = \"scaffold\"", "want 1 to 2"}};
  for (const auto& [extra, message] : cases) {
    Parts parts;
    parts.extra = extra;
    ExpectError(JobOf(parts), {ErrorCode::kJobOutOfRange, 11, 0, message, ""});
  }
  ExpectError("name = \"\"\nrounds = 1",
              {ErrorCode::kJobOutOfRange, 1, 8, "`name` has 0 bytes", ""});
  ExpectError("name = \"j\"\nrounds = 0",
              {ErrorCode::kJobOutOfRange, 2, 10, "want 1 to 1000000", ""});
  ExpectError("name = \"j\"\nrounds = 1\nseed = -1",
              {ErrorCode::kJobOutOfRange, 3, 8, "`seed` is -1", ""});
}

TEST(ParseJob, CombinationsThatCannotWorkAreRefused) {
  struct Case {
    Parts parts;
    int line;
    std::string message;
    std::string help;
  };
  const std::string levels = "label = { name = \"y\", levels = [\"p\", \"q\"] }";
  const Case cases[] = {
      {{.model = "kind = \"logistic\"\nhidden = [4]"}, 10, "does not go with", "kind = \"mlp\""},
      {{.model = "kind = \"mlp\"\nhidden = [4]\ninit = \"zeros\""}, 11, "never learns", "\"seed\""},
      {{.model = "kind = \"softmax\""}, 6, "has no levels", "levels = ["},
      {{.label = levels}, 6, "has levels", "client.toml"},
      {{.label = levels, .model = "kind = \"linear\""}, 6, "has levels", "softmax"},
      {{.features = "features = [\"a\", \"a\"]"}, 7, "names \"a\" twice", "once"},
      {{.features = "features = [\"a\", \"y\"]"}, 7, "holds the label", "remove it"},
      {{.features = "features = [{ name = \"a\", type = \"category\" }]"},
       7,
       "without levels",
       "levels = ["},
      {{.features = "features = { a = \"category\" }"}, 7, "without levels", "levels = ["},
      {{.features = "features = { a = \"numbr\" }"}, 7, "the type \"numbr\"", "`number`"},
      {{.features = "features = [{ name = \"a\", levels = [\"p\", \"q\"] }]"},
       7,
       "only go with",
       "category"},
      {{.extra = "[train]\nlocal_epochs = 1\nlocal_steps = 1"}, 12, "exclude each other", "one"},
      {{.extra = "[train]\nlocal_time = \"5m\""}, 11, "is not shorter than", "leave time"},
      {{.extra = "[participation]\nsites = [\"a\"]\nmin_sites = 2"}, 12, "names 1", "no round"},
      {{.extra = "[participation]\nstaleness = [65536]"}, 11, "next_round", "dropped"},
      {{.extra = "[participation]\nsites = [\"a\"]\nrequired_sites = [\"b\"]"},
       12,
       "names \"b\"",
       "add it there"},
      {{.extra = "[participation]\nsites = [\"a\", \"a\"]"}, 11, "twice", "once"},
  };
  for (const Case& a_case : cases) {
    ExpectError(JobOf(a_case.parts),
                {ErrorCode::kJobConflict, a_case.line, 0, a_case.message, a_case.help});
  }
}

TEST(ParseJob, ActivationIsThatOfHiddenLayers) {
  Parts parts;
  parts.model = "kind = \"mlp\"\nhidden = [3]\nactivation = \"tanh\"";
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, Parse(JobOf(parts)));
  EXPECT_EQ(spec.model.activation, Activation::kTanh);
  parts.model = "kind = \"mlp\"\nhidden = [3]\nactivation = \"gelu\"";
  ExpectError(JobOf(parts), {ErrorCode::kJobOutOfRange, 11, 0, "activation", ""});
  parts.model = "kind = \"logistic\"\nactivation = \"tanh\"";
  ExpectError(JobOf(parts), {ErrorCode::kJobConflict, 10, 0, "does not go with", "mlp"});
}

TEST(ParseJob, ModelsBeyondTheLimitAreRefused) {
  Parts parts;
  parts.model = "kind = \"mlp\"\nhidden = [65536, 65536]";
  ExpectError(JobOf(parts), {ErrorCode::kJobOutOfRange, 10, 0, "parameters, want at most", ""});
}

TEST(ParseJob, TheFirstErrorInTheFileIsTheOneReported) {
  Parts parts;
  parts.top = "sead = 1";
  parts.model = "kind = 3";
  parts.extra = "[train]\nbatch_size = 0";
  ExpectError(JobOf(parts), {ErrorCode::kJobUnknownKey, 3, 1, "unknown key `sead`", "`seed`"});
}

TEST(ParseJob, WhatIsNotTomlIsRefusedWithItsPlace) {
  ExpectError("name = \"j\"\nrounds = = 3\n", {ErrorCode::kJobSyntax, 2, 0, "", ""});
  ExpectError("name = \"j\nrounds = 3\n", {ErrorCode::kJobSyntax, 1, 0, "", ""});
  ExpectError("a = 1\na = 2\n", {ErrorCode::kJobSyntax, 2, 0, "", ""});
  EXPECT_THAT(Parse(std::string("\0\xff\xfe", 3)), HasCode(ErrorCode::kJobSyntax));
}

TEST(ParseJob, AFileBeyondTheLimitIsRefused) {
  const std::string padded = JobOf({}) + "#" + std::string(256 * 1024, 'x');
  EXPECT_THAT(Parse(padded), HasCode(ErrorCode::kJobSyntax));
  EXPECT_THAT(Parse(JobOf({}) + "#" + std::string(200 * 1024, 'x')), IsOk());
}

}  // namespace
}  // namespace consilium::job
