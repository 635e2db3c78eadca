#include "simulator/app/summary.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace consilium::simulator::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RunResult Result(int sites) {
  RunResult result;
  result.job.set_name("digits");
  result.job.set_rounds(2);
  result.job.set_rounds_committed(2);
  result.simulated = std::chrono::minutes(3);
  result.dropped = 1;
  auto& step = *result.job.add_steps();
  step.set_workload(v1::WORKLOAD_EVALUATE);
  step.set_committed(true);
  for (int i = 0; i < sites; ++i) {
    result.sites.push_back({SiteId(fmt::format("site-{:02}", i)), 10u + (i == 0 ? 5u : 0u), 5});
    auto& site = *step.add_sites();
    site.set_site(result.sites.back().site.value());
    site.set_result(i == 1 ? "failed" : "counted");
    auto& test = *site.mutable_metrics()->mutable_test();
    test.set_rows(5);
    test.set_loss(i);
    test.set_accuracy(0.5);
  }
  auto& all = *step.mutable_metrics()->mutable_test();
  all.set_rows(100);
  all.set_loss(0.25);
  all.set_accuracy(0.875);
  return result;
}

TEST(SimulationSummary, SaysWhatWasSimulatedAndWhatBecameOfIt) {
  RunOptions options;
  options.partition = *ParsePartition("shards:2");
  const std::string text = Summary(cli::Terminal::Plain(), options, Result(4));
  EXPECT_THAT(text, HasSubstr("digits  4 sites, shards:2, seed 1"));
  EXPECT_THAT(text, HasSubstr("45 training rows (10 to 15 a site), 20 test rows"));
  EXPECT_THAT(text, HasSubstr("4 updates asked for: 3 counted, 1 failed"));
  EXPECT_THAT(text, HasSubstr("1 times a site dropped out"));
  EXPECT_THAT(text, HasSubstr("3m00s simulated"));
}

TEST(SimulationSummary, FewSitesAreNamedAndManyAreSummedUp) {
  const std::string few = Summary(cli::Terminal::Plain(), {}, Result(4));
  EXPECT_THAT(few, HasSubstr("site-02"));
  const std::string many = Summary(cli::Terminal::Plain(), {}, Result(41));
  EXPECT_THAT(many, Not(HasSubstr("site-02")));
  EXPECT_THAT(many, HasSubstr("median of the sites"));
  EXPECT_THAT(many, HasSubstr("20.5000"));
  EXPECT_THAT(many, HasSubstr("0.8750"));
}

// A survival model has no accuracy, a regression neither that nor an AUC.
TEST(SimulationSummary, AModelIsShownByTheMetricsOfItsKind) {
  RunResult result = Result(41);
  auto& step = *result.job.mutable_steps(0);
  for (int i = 0; i < 41; ++i) {
    auto& test = *step.mutable_sites(i)->mutable_metrics()->mutable_test();
    test.clear_accuracy();
    test.set_c_index(0.5 + 0.01 * i);
  }
  auto& all = *step.mutable_metrics()->mutable_test();
  all.clear_accuracy();
  all.set_c_index(0.6875);
  const std::string survival = Summary(cli::Terminal::Plain(), {}, result);
  EXPECT_THAT(survival, HasSubstr("C-INDEX"));
  EXPECT_THAT(survival, Not(HasSubstr("ACCURACY")));
  EXPECT_THAT(survival, HasSubstr("0.7050"));  // the median without site 1
  EXPECT_THAT(survival, HasSubstr("0.6875"));
  all.clear_c_index();
  all.set_mae(2.25);
  all.set_rmse(3.5);
  const std::string regression = Summary(cli::Terminal::Plain(), {}, result);
  EXPECT_THAT(regression, HasSubstr("RMSE"));
  EXPECT_THAT(regression, HasSubstr("2.2500"));
  EXPECT_THAT(regression, Not(HasSubstr("AUC")));
}

}  // namespace
}  // namespace consilium::simulator::app
