// How a job draws its sites: what is read, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/job/job_spec.h"
#include "tests/support/status_matchers.h"

namespace consilium::job {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

absl::StatusOr<JobSpec> ParseSampling(const std::string& keys) {
  return ParseJob(AsBytes("name = \"j\"\nrounds = 2\n[model]\nkind = \"logistic\"\n[data]\n"
                          "dataset = \"d\"\nlabel = \"y\"\nfeatures = [\"a\"]\n"
                          "[participation]\nmin_sites = 2\n" +
                          keys + "\n"),
                  "job.toml");
}

void ExpectSamplingError(const std::string& keys, ErrorCode code, const std::string& what,
                         const std::string& help) {
  const auto spec = ParseSampling(keys);
  ASSERT_FALSE(spec.ok()) << keys;
  EXPECT_EQ(CodeOf(spec.status()), code) << spec.status();
  EXPECT_THAT(spec.status().ToString(), HasSubstr(what));
  EXPECT_THAT(spec.status().ToString(), HasSubstr(help));
}

TEST(ParseSampling, UniformIsTheDefault) {
  ASSERT_OK_AND_ASSIGN(const JobSpec spec, ParseSampling("goal = 3"));
  EXPECT_EQ(spec.participation.sampling, Sampling::kUniform);
}

TEST(ParseSampling, ReadsRateWeightsAndTags) {
  ASSERT_OK_AND_ASSIGN(const JobSpec poisson,
                       ParseSampling("sampling = \"poisson\"\nsampling_rate = 0.25"));
  EXPECT_EQ(poisson.participation.sampling_rate, 0.25);
  ASSERT_OK_AND_ASSIGN(const JobSpec weighted,
                       ParseSampling("goal = 3\nsampling = \"weighted\"\n"
                                     "site_weights = { a = 3, \"b.1\" = 7 }"));
  EXPECT_THAT(weighted.participation.site_weights,
              ElementsAre(Pair(SiteId("a"), 3), Pair(SiteId("b.1"), 7)));
  ASSERT_OK_AND_ASSIGN(const JobSpec tags,
                       ParseSampling("select = 1.5\nsampling = \"tags\"\n[participation.tags]\n"
                                     "south = [\"c\"]\nnorth = [\"a\", \"b\"]"));
  EXPECT_THAT(tags.participation.tags,
              ElementsAre(Pair("north", ElementsAre(SiteId("a"), SiteId("b"))),
                          Pair("south", ElementsAre(SiteId("c")))));
}

TEST(ParseSampling, EachWantsItsOwnParameterAndNoOther) {
  ExpectSamplingError("sampling = \"poisson\"", ErrorCode::kJobMissingKey, "sampling_rate",
                      "needs it");
  ExpectSamplingError("goal = 2\nsampling = \"weighted\"", ErrorCode::kJobMissingKey,
                      "site_weights", "needs it");
  ExpectSamplingError("goal = 2\nsampling = \"tags\"", ErrorCode::kJobMissingKey, "tags",
                      "needs it");
  ExpectSamplingError("goal = 2\nsampling_rate = 0.5", ErrorCode::kJobConflict,
                      "goes with sampling = \"poisson\" only", "remove `sampling_rate`");
  ExpectSamplingError("sampling = \"weighted\"\nsite_weights = { a = 1 }", ErrorCode::kJobConflict,
                      "without a goal every site is asked", "add goal");
  ExpectSamplingError("sampling = \"poison\"", ErrorCode::kJobOutOfRange, "poisson", "");
}

TEST(ParseSampling, PoissonRefusesWhatSpoilsTheChance) {
  const std::string poisson = "sampling = \"poisson\"\nsampling_rate = 0.5\n";
  for (const char* keys : {"goal = 4", "select = 2", "required_sites = [\"a\"]",
                           "late = \"next_round\"", "on_too_few = \"fail\""}) {
    ExpectSamplingError(poisson + keys, ErrorCode::kJobConflict,
                        "does not go with sampling = \"poisson\"", "with the same chance");
  }
}

// Of those a strategy or a rule says what the keys of [participation] do not.
TEST(ParseSampling, BuffersAndRootSitesAreConsidered) {
  const std::string poisson = "sampling = \"poisson\"\nsampling_rate = 0.5\n[aggregation]\n";
  ExpectSamplingError(poisson + "strategy = \"fedbuff\"", ErrorCode::kJobConflict,
                      "which does not go with a strategy that fills a buffer",
                      "with the same chance");
  ExpectSamplingError(poisson + "rule = \"fltrust\"\nroot_site = \"a\"", ErrorCode::kJobConflict,
                      "asks its root site in every round", "with the same chance");
  ASSERT_OK_AND_ASSIGN(const JobSpec weighted,
                       ParseSampling("sampling = \"weighted\"\nsite_weights = { a = 2 }\n"
                                     "[aggregation]\nstrategy = \"fedbuff\"\nbuffer = 4"));
  EXPECT_EQ(weighted.participation.sampling, Sampling::kWeighted);
}

TEST(ParseSampling, NamesOfSitesAreChecked) {
  const std::string three = "goal = 2\nsites = [\"a\", \"b\", \"c\"]\n";
  ExpectSamplingError(three + "sampling = \"weighted\"\nsite_weights = { d = 1 }",
                      ErrorCode::kJobConflict, "names \"d\"", "add it there");
  ExpectSamplingError(three + "sampling = \"weighted\"\nsite_weights = { a = 0 }",
                      ErrorCode::kJobOutOfRange, "0", "");
  ExpectSamplingError(three + "sampling = \"tags\"\ntags = { x = [\"a\"], y = [\"b\", \"a\"] }",
                      ErrorCode::kJobConflict, "has a tag already", "one tag");
  ExpectSamplingError("goal = 2\nsampling = \"tags\"\ntags = { x = [\"A b\"] }",
                      ErrorCode::kJobOutOfRange, "names \"A b\"", "");
  ExpectSamplingError("goal = 2\nsampling = \"tags\"\ntags = [\"a\"]", ErrorCode::kJobWrongType,
                      "a table", "");
}

}  // namespace
}  // namespace consilium::job
