#include "cli/output/metric_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace consilium::cli {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> KeysFor(const v1::SplitMetricsView& all) {
  std::vector<std::string> keys;
  for (const MetricColumn& column : MetricColumnsOf(all)) keys.emplace_back(column.key);
  return keys;
}

TEST(MetricColumns, EveryKindOfModelIsJudgedByItsOwn) {
  v1::SplitMetricsView classes, two_classes, regression, counts, survival;
  classes.set_accuracy(0.5);
  two_classes.set_accuracy(0.5);
  two_classes.set_auc(0.75);
  regression.set_mae(1);
  regression.set_rmse(2);
  counts.set_mae(1);
  counts.set_rmse(2);
  counts.set_deviance(3);
  survival.set_c_index(0.625);
  EXPECT_THAT(KeysFor(classes), ElementsAre("accuracy", "f1"));
  EXPECT_THAT(KeysFor(two_classes), ElementsAre("accuracy", "auc"));
  EXPECT_THAT(KeysFor(regression), ElementsAre("mae", "rmse"));
  EXPECT_THAT(KeysFor(counts), ElementsAre("deviance", "mae"));
  EXPECT_THAT(KeysFor(survival), ElementsAre("c_index"));
  EXPECT_THAT(KeysFor({}), ElementsAre("accuracy", "auc"));
}

TEST(MetricColumns, WhatIsNotKnownIsNoNumber) {
  v1::SplitMetricsView survival, none;
  survival.set_c_index(0.625);
  const MetricColumn column = MetricColumnsOf(survival).front();
  EXPECT_EQ(column.of(survival), 0.625);
  EXPECT_EQ(column.of(none), std::nullopt);
}

}  // namespace
}  // namespace consilium::cli
