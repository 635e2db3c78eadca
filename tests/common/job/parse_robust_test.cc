// Aggregation rules in job files: defaults, what is refused, and what is only warned of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/job/job_spec.h"
#include "common/job/job_warnings.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::job {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::StatusOr<JobSpec> ParseRule(const std::string& keys, const std::string& participation = "",
                                  const std::string& data = "") {
  return ParseJob(
      AsBytes("name = \"j\"\nrounds = 2\n[model]\nkind = \"logistic\"\n[participation]\n"
              "min_sites = 7\n" +
              participation + "[data]\ndataset = \"d\"\nlabel = \"y\"\nfeatures = [\"a\"]\n" +
              data + "[aggregation]\n" + keys + "\n"),
      "job.toml");
}

void ExpectError(const absl::StatusOr<JobSpec>& spec, ErrorCode code, const std::string& what,
                 const std::string& help) {
  ASSERT_FALSE(spec.ok()) << what;
  EXPECT_EQ(CodeOf(spec.status()), code) << spec.status();
  const std::string text(spec.status().ToString());
  EXPECT_THAT(text, HasSubstr(what));
  EXPECT_THAT(text, HasSubstr(help));
}

std::string Required(const RobustRow& row) {
  return std::string(row.has_byzantine() ? "byzantine = 2\n" : "") +
         (row.has_root_site ? "root_site = \"a\"\n" : "");
}

TEST(ParseRobust, RowsStandInTheOrderOfTheirKindsAndInTheReadme) {
  const std::string readme = consilium::testing::ReadTextFile(CONSILIUM_SOURCE_DIR "/README.md");
  for (size_t i = 0; i < RobustTable().size(); ++i) {
    const RobustRow& row = RobustTable()[i];
    EXPECT_EQ(static_cast<size_t>(row.kind), i);
    EXPECT_FALSE(row.reference.empty());
    if (row.kind == RobustKind::kMean) continue;
    EXPECT_THAT(readme, HasSubstr("| `" + std::string(row.name) + "` | "));
  }
}

TEST(ParseRobust, TheMeanIsTheDefault) {
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, ParseRule(""));
  EXPECT_EQ(spec.robust.kind, RobustKind::kMean);
  EXPECT_EQ(TextOf(spec.robust), "mean");
}

TEST(ParseRobust, EachHasItsDefaults) {
  for (const RobustRow& row : RobustTable()) {
    SCOPED_TRACE(row.name);
    ASSERT_OK_AND_ASSIGN(const JobSpec spec,
                         ParseRule("rule = \"" + std::string(row.name) + "\"\n" + Required(row)));
    EXPECT_EQ(spec.robust.kind, row.kind);
    EXPECT_EQ(spec.robust.iterations, row.iterations);
    EXPECT_FALSE(spec.robust.by_rows);
    EXPECT_THAT(TextOf(spec.robust), HasSubstr(std::string(row.name)));
  }
}

TEST(ParseRobust, ReadsEveryParameter) {
  ASSERT_OK_AND_ASSIGN(const JobSpec krum,
                       ParseRule("rule = \"multi_krum\"\nbyzantine = 2\nkeep = 3"));
  EXPECT_EQ(krum.robust.byzantine, 2u);
  EXPECT_EQ(krum.robust.keep, 3u);
  EXPECT_EQ(TextOf(krum.robust), "multi_krum, byzantine 2, keep 3");
  ASSERT_OK_AND_ASSIGN(const JobSpec median,
                       ParseRule("rule = \"geometric_median\"\nsmoothing = 1e-3\niterations = 4\n"
                                 "rule_weights = \"rows\""));
  EXPECT_EQ(TextOf(median.robust), "geometric_median, iterations 4, smoothing 0.001, by rows");
  ASSERT_OK_AND_ASSIGN(const JobSpec clip, ParseRule("rule = \"centred_clip\"\nclip_radius = 2"));
  EXPECT_EQ(clip.robust.clip_radius, 2);
}

TEST(ParseRobust, ARootSiteIsRequired) {
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, ParseRule("rule = \"fltrust\"\nroot_site = \"a\"",
                                                     "required_sites = [\"b\"]\n"));
  EXPECT_THAT(spec.participation.required_sites, ElementsAre(SiteId("b"), SiteId("a")));
  ExpectError(ParseRule("rule = \"fltrust\""), ErrorCode::kJobMissingKey, "root_site", "trusted");
  ExpectError(ParseRule("rule = \"fltrust\"\nroot_site = \"A b\""), ErrorCode::kJobOutOfRange,
              "is \"A b\"", "");
  ExpectError(ParseRule("rule = \"fltrust\"\nroot_site = \"z\"",
                        "sites = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\"]\n"),
              ErrorCode::kJobConflict, "names \"z\"", "add it there");
}

// n >= 2f + 3 and n > 2f, before any site is asked.
TEST(ParseRobust, RefusesWhatCannotWork) {
  ASSERT_OK_AND_ASSIGN(const JobSpec most, ParseRule("rule = \"krum\"\nbyzantine = 2"));
  EXPECT_EQ(LeastSites(most.robust), 7u);
  for (const char* rule : {"krum", "multi_krum"}) {
    ExpectError(ParseRule("rule = \"" + std::string(rule) + "\"\nbyzantine = 3"),
                ErrorCode::kJobConflict, "needs 9 updates a round", "set min_sites = 9");
  }
  ASSERT_OK_AND_ASSIGN(const JobSpec trimmed, ParseRule("rule = \"trimmed_mean\"\nbyzantine = 3"));
  EXPECT_EQ(trimmed.robust.byzantine, 3u);
  ExpectError(ParseRule("rule = \"trimmed_mean\"\nbyzantine = 4"), ErrorCode::kJobConflict,
              "needs 9 updates a round", "n >= 2f + 1");
  ExpectError(ParseRule("rule = \"krum\""), ErrorCode::kJobMissingKey, "byzantine",
              "how many sites may send anything");
  ExpectError(ParseRule("rule = \"multi_krum\"\nbyzantine = 2\nkeep = 6"), ErrorCode::kJobConflict,
              "2 may be wild", "want at most 5");
  ExpectError(ParseRule("rule = \"krum\"\nbyzantine = 1", "goal = 2000\n"), ErrorCode::kJobConflict,
              "is more than the 1024 sites", "geometric_median");
}

TEST(ParseRobust, RefusesCombinationsByName) {
  for (const char* strategy : {"scaffold", "fednova", "qfedavg", "feddyn"}) {
    ExpectError(ParseRule("rule = \"median\"\nstrategy = \"" + std::string(strategy) + "\""),
                ErrorCode::kJobConflict,
                "does not go with strategy = \"" + std::string(strategy) + "\"", "take fedavg");
  }
  for (const char* strategy :
       {"fedsgd", "fedprox", "fedavgm", "fedadagrad", "fedadam", "fedyogi"}) {
    EXPECT_TRUE(ParseRule("rule = \"median\"\nstrategy = \"" + std::string(strategy) + "\"").ok());
  }
  ExpectError(ParseRule("rule = \"median\"", "late = \"next_round\"\n"), ErrorCode::kJobConflict,
              "no place for a late update", "late updates are then dropped");
  ExpectError(ParseRule("rule = \"median\"\nbyzantine = 1"), ErrorCode::kJobConflict,
              "does not go with rule = \"median\"", "has no parameters");
  ExpectError(ParseRule("byzantine = 1"), ErrorCode::kJobConflict,
              "does not go with rule = \"mean\"", "");
  ExpectError(ParseRule("rule = \"centred_clip\"\nsmoothing = 1"), ErrorCode::kJobConflict,
              "`aggregation.smoothing` does not go", "iterations, clip_radius, rule_weights");
  ExpectError(ParseRule("rule = \"medain\""), ErrorCode::kJobOutOfRange, "median", "");
}

TEST(JobWarnings, QuoteWhatARuleCosts) {
  const auto of = [](const std::string& keys, const char* standardize) {
    const auto spec = ParseRule(keys, "", "standardize = \"" + std::string(standardize) + "\"\n");
    return spec.ok() ? WarningsOf(*spec)
                     : std::vector<std::string>{std::string(spec.status().ToString())};
  };
  EXPECT_THAT(of("rule = \"krum\"\nbyzantine = 1", "none"),
              ElementsAre(HasSubstr("fell from 92.7% to 63.8%; multi_krum had 91.5%")));
  EXPECT_THAT(of("rule = \"multi_krum\"\nbyzantine = 1", "site"), IsEmpty());
  EXPECT_THAT(of("rule = \"multi_krum\"\nbyzantine = 1", "federated"),
              ElementsAre(HasSubstr("one site can still move them")));
  EXPECT_THAT(of("", "federated"), IsEmpty());
}

}  // namespace
}  // namespace consilium::job
