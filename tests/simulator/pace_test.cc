#include "simulator/pace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/error.h"
#include "tests/support/status_matchers.h"

namespace consilium::simulator {
namespace {

using ::testing::HasSubstr;

TEST(Pace, OptionsAreReadAsTheyAreWritten) {
  ASSERT_OK_AND_ASSIGN(const Slow slow, ParseSlow("0.1:10"));
  EXPECT_EQ(slow.share, 0.1);
  EXPECT_EQ(slow.factor, 10);
  ASSERT_OK_AND_ASSIGN(const Drop drop, ParseDrop("0.05"));
  EXPECT_EQ(drop.chance, 0.05);
  EXPECT_EQ(drop.away, std::chrono::minutes(10));
  ASSERT_OK_AND_ASSIGN(const Drop brief, ParseDrop("1:30s"));
  EXPECT_EQ(brief.away, std::chrono::seconds(30));
}

TEST(Pace, BadOptionsSayWhatWasWanted) {
  for (const char* text : {"", "0.1", "0.1:", "2:10", "-0.1:10", "0.1:0.5", "0.1:x", "nan:2"}) {
    const auto slow = ParseSlow(text);
    EXPECT_EQ(CodeOf(slow.status()), ErrorCode::kUsage) << text;
    EXPECT_THAT(HelpOf(slow.status()), HasSubstr("--slow 0.1:10"));
  }
  for (const char* text : {"", "2", "-1", "0.05:", "0.05:0s", "0.05:soon", "x:1m"}) {
    const auto drop = ParseDrop(text);
    EXPECT_EQ(CodeOf(drop.status()), ErrorCode::kUsage) << text;
    EXPECT_THAT(HelpOf(drop.status()), HasSubstr("--drop 0.05"));
  }
}

TEST(Pace, AsManySitesAreSlowAsTheShareSaysAndTheSeedSaysWhich) {
  const auto slow = Slowness({0.1, 10}, 50, 1);
  EXPECT_EQ(std::ranges::count(slow, 10.0), 5);
  EXPECT_EQ(std::ranges::count(slow, 1.0), 45);
  EXPECT_EQ(slow, Slowness({0.1, 10}, 50, 1));
  EXPECT_NE(slow, Slowness({0.1, 10}, 50, 2));
}

TEST(Pace, ATrainingVisitsItsBatchesAndEvaluatesOnce) {
  job::JobSpec spec;
  spec.train = {.batch_size = 10, .local_epochs = 3, .local_steps = 0, .kernel = ""};
  EXPECT_EQ(RowVisits(spec, wire::Workload::kTrain, 100, 20), 3 * 100u + 120);
  spec.train.local_steps = 4;
  EXPECT_EQ(RowVisits(spec, wire::Workload::kTrain, 100, 20), 4 * 10u + 120);
  spec.train.batch_size = 0;
  EXPECT_EQ(RowVisits(spec, wire::Workload::kTrain, 100, 20), 4 * 100u + 120);
  EXPECT_EQ(RowVisits(spec, wire::Workload::kEvaluate, 100, 20), 120u);
  EXPECT_EQ(RowVisits(spec, wire::Workload::kMeans, 100, 20), 100u);
  // A site's own model is measured, and trained, beside it.
  spec.personal = {.kind = job::PersonalKind::kDitto, .epochs = 2};
  EXPECT_EQ(RowVisits(spec, wire::Workload::kTrain, 100, 20), 4 * 100u + 2 * 120 + 2 * 100);
  EXPECT_EQ(RowVisits(spec, wire::Workload::kEvaluate, 100, 20), 2 * 120u);
  spec.personal.kind = job::PersonalKind::kFineTune;
  EXPECT_EQ(RowVisits(spec, wire::Workload::kTrain, 100, 20), 4 * 100u + 120);
  EXPECT_EQ(RowVisits(spec, wire::Workload::kEvaluate, 100, 20), 2 * 120u + 2 * 100);
}

TEST(Pace, WithLocalTimeATrainingVisitsWhatFits) {
  job::JobSpec spec;
  spec.train.batch_size = 10;
  spec.train.local_epochs = 3;
  spec.train.local_steps = 0;
  spec.train.local_time = std::chrono::milliseconds(45);
  const Duration row = std::chrono::milliseconds(1);
  EXPECT_EQ(RowVisits(spec, wire::Workload::kTrain, 100, 20, row), 50u + 120);
  EXPECT_EQ(RowVisits(spec, wire::Workload::kTrain, 100, 20, 10 * row), 10u + 120);
  EXPECT_EQ(RowVisits(spec, wire::Workload::kTrain, 100, 20, row / 100), 300u + 120);
}

TEST(Pace, TheClockOfATrainingMovesWithItsSteps) {
  const StepClock clock(std::chrono::seconds(2));
  const Instant begun = clock.Now();
  EXPECT_EQ(clock.Now() - begun, std::chrono::seconds(2));
  EXPECT_EQ(clock.Now() - begun, std::chrono::seconds(4));
}

}  // namespace
}  // namespace consilium::simulator
