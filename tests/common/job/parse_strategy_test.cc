// Strategies in job files: every row's defaults, and what is refused.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/job/job_spec.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::job {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTop =
    "name = \"j\"\nrounds = 2\n[data]\ndataset = \"d\"\nlabel = \"y\"\nfeatures = [\"a\"]\n"
    "[model]\nkind = \"logistic\"\n";

absl::StatusOr<JobSpec> ParseWith(const std::string& rest) {
  return ParseJob(AsBytes(kTop + rest), "job.toml");
}

absl::StatusOr<JobSpec> ParseAggregation(const std::string& keys) {
  return ParseWith("[aggregation]\n" + keys + "\n");
}

void ExpectRefused(const std::string& rest, int line, const std::string& what,
                   const std::string& help) {
  const auto spec = ParseWith(rest);
  ASSERT_FALSE(spec.ok()) << rest;
  EXPECT_EQ(CodeOf(spec.status()), ErrorCode::kJobConflict) << spec.status();
  const std::string text(spec.status().ToString());
  EXPECT_THAT(text, HasSubstr("place='" + std::to_string(line) + " "));
  EXPECT_THAT(text, HasSubstr(what));
  EXPECT_THAT(text, HasSubstr(help));
}

TEST(ParseStrategy, RowsStandInTheOrderOfTheirKinds) {
  for (size_t i = 0; i < StrategyTable().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(StrategyTable()[i].kind), i);
    EXPECT_FALSE(StrategyTable()[i].reference.empty());
  }
}

TEST(ParseStrategy, ABufferSaysWhenARoundClosesAndWhatLateUpdatesCount) {
  ASSERT_OK_AND_ASSIGN(const JobSpec spec,
                       ParseWith("[participation]\nmin_sites = 2\n[aggregation]\nstrategy = "
                                 "\"fedbuff\"\nbuffer = 5\nmax_staleness = 3\n"
                                 "staleness_exponent = 1\n"));
  EXPECT_EQ(spec.participation.goal, 5u);
  EXPECT_EQ(spec.participation.late, Late::kNextRound);
  EXPECT_EQ(spec.participation.select, kMostSelect) << "whoever is free trains";
  EXPECT_EQ(spec.participation.staleness, (std::vector<uint32_t>{32768, 21845, 16384}));
  ASSERT_OK_AND_ASSIGN(const JobSpec bare, ParseAggregation("strategy = \"fedbuff\""));
  EXPECT_EQ(bare.participation.staleness, ParticipationSpec().staleness) << "the usual table";
}

TEST(ParseStrategy, ABufferTakesNoOtherWordOnWhenARoundCloses) {
  for (const char* key : {"goal = 2", "late = \"next_round\"", "late = \"drop\""}) {
    ExpectRefused(fmt::format("[participation]\n{}\n[aggregation]\nstrategy = \"fedbuff\"\n", key),
                  10, "whose buffer says when a round closes", "set `aggregation.buffer`");
  }
  ExpectRefused(
      "[participation]\nmin_sites = 3\n[aggregation]\nstrategy = \"fedbuff\"\nbuffer = 2\n", 13,
      "is 2, with `participation.min_sites` = 3", "at least min_sites");
  ExpectRefused("[aggregation]\nbuffer = 2\n", 10, "does not go with strategy = \"fedavg\"",
                "remove it");
}

TEST(ParseStrategy, EachHasItsRowInTheReadme) {
  const std::string readme = consilium::testing::ReadTextFile(CONSILIUM_SOURCE_DIR "/README.md");
  for (const StrategyRow& row : StrategyTable()) {
    EXPECT_THAT(readme, HasSubstr("| `" + std::string(row.name) + "` | "));
  }
}

TEST(ParseStrategy, EveryStrategyHasItsDefaultsAndTakesThemWrittenOut) {
  for (const StrategyRow& row : StrategyTable()) {
    SCOPED_TRACE(row.name);
    std::string keys = "strategy = \"" + std::string(row.name) + "\"\n";
    ASSERT_OK_AND_ASSIGN(const JobSpec bare, ParseAggregation(keys));
    EXPECT_EQ(bare.strategy.kind, row.kind);
    for (const StrategyNumber& number : row.numbers) {
      EXPECT_EQ(bare.strategy.*number.field, number.fallback) << number.key;
      keys += std::string(number.key) + " = " + std::to_string(number.fallback) + "\n";
    }
    ASSERT_OK_AND_ASSIGN(const JobSpec full, ParseAggregation(keys));
    for (const StrategyNumber& number : row.numbers) {
      EXPECT_EQ(full.strategy.*number.field, number.fallback) << number.key;
    }
  }
}

TEST(ParseStrategy, ValuesAreRead) {
  ASSERT_OK_AND_ASSIGN(
      const JobSpec adam,
      ParseAggregation("strategy = \"fedadam\"\nserver_learning_rate = 0.1\nbeta1 = 0.5\n"
                       "beta2 = 0.75\ntau = 0.5"));
  EXPECT_EQ(adam.strategy.server_learning_rate, 0.1);
  EXPECT_EQ(adam.strategy.beta1, 0.5);
  EXPECT_EQ(adam.strategy.beta2, 0.75);
  EXPECT_EQ(adam.strategy.initial_v, 0.25);  // tau^2
  ASSERT_OK_AND_ASSIGN(const JobSpec flamby,
                       ParseAggregation("strategy = \"fedadam\"\ntau = 1e-8\ninitial_v = 0"));
  EXPECT_EQ(flamby.strategy.initial_v, 0);
  ASSERT_OK_AND_ASSIGN(const JobSpec scaffold,
                       ParseAggregation("strategy = \"scaffold\"\noption = 1\n"
                                        "variate_mean = \"plain\"\npopulation = 9"));
  EXPECT_EQ(scaffold.strategy.option, 1u);
  EXPECT_EQ(scaffold.strategy.variate_mean, VariateMean::kPlain);
  EXPECT_EQ(scaffold.strategy.population, 9u);
}

TEST(ParseStrategy, FedSgdIsOneStepOverAllRows) {
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, ParseAggregation("strategy = \"fedsgd\""));
  EXPECT_EQ(spec.train.batch_size, 0u);
  EXPECT_EQ(spec.train.local_epochs, 0u);
  EXPECT_EQ(spec.train.local_steps, 1u);
}

TEST(ParseStrategy, ThePopulationIsTheNamedSites) {
  ASSERT_OK_AND_ASSIGN(const JobSpec spec,
                       ParseWith("[participation]\nsites = [\"a\", \"b\", \"c\"]\ngoal = 2\n"
                                 "[aggregation]\nstrategy = \"feddyn\"\n"));
  EXPECT_EQ(spec.strategy.population, 3u);
}

TEST(ParseStrategy, WhatAStrategyHasNotIsRefusedWithItsPlace) {
  ExpectRefused("[aggregation]\nstrategy = \"fedavg\"\nmu = 0.1\n", 11,
                "`aggregation.mu` does not go with strategy = \"fedavg\"",
                "that strategy has no parameters");
  ExpectRefused("[aggregation]\nbeta2 = 0.1\nstrategy = \"fedavgm\"\n", 10,
                "`aggregation.beta2` does not go with",
                "that strategy has server_learning_rate, beta1");
  ExpectRefused("[aggregation]\noption = 1\n", 10, "`aggregation.option` does not go with",
                "no parameters");
  ExpectRefused("[aggregation]\nstrategy = \"fedsgd\"\n[train]\nlocal_epochs = 2\n", 12,
                "`train.local_epochs` does not go with strategy = \"fedsgd\"", "remove it");
}

TEST(ParseStrategy, LateUpdatesGoOnlyWithMeansOverRows) {
  for (const StrategyRow& row : StrategyTable()) {
    if (row.has_buffer) continue;  // says it itself
    const std::string file =
        "[participation]\nlate = \"next_round\"\n[aggregation]\nstrategy = \"" +
        std::string(row.name) + "\"\n";
    if (row.vectors.plain_mean || row.vectors.site_vector) {
      ExpectRefused(file, 12, "no place for a late update", "are then dropped");
    } else {
      EXPECT_THAT(ParseWith(file), consilium::testing::IsOk()) << row.name;
    }
  }
}

TEST(ParseStrategy, APartOfUnknownlyManySitesIsRefused) {
  ExpectRefused("[participation]\ngoal = 2\n[aggregation]\nstrategy = \"scaffold\"\n", 12,
                "how many sites there are", "add population");
  ExpectRefused("[participation]\ngoal = 5\n[aggregation]\nstrategy = \"feddyn\"\npopulation = 4\n",
                13, "is 4, but 5 sites", "all sites that take part");
}

}  // namespace
}  // namespace consilium::job
