#include "cli/output/live_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace consilium::cli {
namespace {

using ::testing::HasSubstr;

v1::WatchJobReply ReplyWithStep(uint64_t step) {
  v1::WatchJobReply reply;
  reply.mutable_job()->set_status(v1::JOB_STATUS_RUNNING);
  reply.mutable_job()->set_rounds(9);
  v1::StepView* view = reply.mutable_job()->add_steps();
  view->set_step(step);
  view->set_round(step);
  view->set_workload(v1::WORKLOAD_TRAIN);
  view->set_committed(true);
  return reply;
}

TEST(LiveView, OffATerminalEveryStepIsOneLineOnce) {
  LiveView view(Terminal::Plain());
  EXPECT_THAT(view.Update(ReplyWithStep(1)), HasSubstr("round 1"));
  EXPECT_EQ(view.Update(ReplyWithStep(1)), "");  // a repeat after a reconnect
  EXPECT_THAT(view.Update(ReplyWithStep(2)), HasSubstr("round 2"));
  EXPECT_EQ(view.job().steps_size(), 2);
  EXPECT_EQ(view.Finish(), "");
}

}  // namespace
}  // namespace consilium::cli
