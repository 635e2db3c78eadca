#include "common/wire/messages.h"

#include <gtest/gtest.h>

namespace consilium::wire {
namespace {

TEST(Messages, NamesAreThoseThatReportsShow) {
  EXPECT_STREQ(NameOf(Workload::kMeans), "means");
  EXPECT_STREQ(NameOf(Workload::kVariances), "variances");
  EXPECT_STREQ(NameOf(Workload::kTrain), "train");
  EXPECT_STREQ(NameOf(Workload::kEvaluate), "evaluate");
  EXPECT_STREQ(NameOf(OutcomeKind::kCounted), "counted");
  EXPECT_STREQ(NameOf(OutcomeKind::kLateDropped), "late_dropped");
  EXPECT_STREQ(NameOf(OutcomeKind::kLateCarried), "late_carried");
  EXPECT_STREQ(NameOf(OutcomeKind::kRefused), "refused");
  EXPECT_STREQ(NameOf(OutcomeKind::kFailed), "failed");
  EXPECT_STREQ(NameOf(OutcomeKind::kRoundFailed), "round_failed");
  EXPECT_STREQ(NameOf(Verdict::kAdmitted), "admitted");
  EXPECT_STREQ(NameOf(Verdict::kPending), "pending");
  EXPECT_STREQ(NameOf(Verdict::kRefused), "refused");
}

TEST(Messages, ValuesOutsideTheEnumerationHaveANameToo) {
  EXPECT_STREQ(NameOf(static_cast<Workload>(99)), "unknown");
  EXPECT_STREQ(NameOf(static_cast<OutcomeKind>(0)), "unknown");
  EXPECT_STREQ(NameOf(static_cast<Verdict>(7)), "unknown");
}

}  // namespace
}  // namespace consilium::wire
