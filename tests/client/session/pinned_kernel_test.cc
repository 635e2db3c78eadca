// The training kernel: named in what a site sends, and refused by name where a job pins another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/wire/update_file.h"
#include "tests/client/session/session_fixture.h"

namespace consilium::client::session {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class KernelTest : public SiteSessionTest {
 protected:
  // kJobFile with a pin in its [train].
  static wire::JobNotice Pinning(std::string_view kernel) {
    std::string file(kJobFile);
    const std::string at = "learning_rate = 0.1\n";
    file.insert(file.find(at) + at.size(), fmt::format("kernel = \"{}\"\n", kernel));
    return NoticeOf(file);
  }
  wire::AdmissionReply AnswerTo(const wire::JobNotice& notice) {
    session_->OnMessage(notice);
    Work();
    return uplink_->Heard<wire::AdmissionReply>().back();
  }
  std::string KernelOf(size_t update) {
    return wire::ParseUpdateHeader(uplink_->submitted.at(update)).value().header.kernel;
  }
};

TEST_F(KernelTest, IsNamedInTheHelloAndInEveryUpdateItComputed) {
  EXPECT_THAT(session_->MakeHello().capabilities, Contains("kernel=eigen-a"));
  Admit();
  session_->OnMessage(OfferOf(1, wire::Workload::kMeans, 0));
  session_->OnMessage(OfferOf(4));
  session_->OnMessage(OfferOf(5, wire::Workload::kEvaluate, 0));
  Work();
  ASSERT_THAT(uplink_->submitted, SizeIs(3));
  EXPECT_EQ(KernelOf(0), "") << "means are the same by any kernel";
  EXPECT_EQ(KernelOf(1), "eigen-a");
  EXPECT_EQ(KernelOf(2), "eigen-a");
}

TEST_F(KernelTest, OfAHeldUpdateIsTheOneThatComputedIt) {
  Admit();
  uplink_->submit_result = Error(ErrorCode::kConnectionLost, "gone");
  session_->OnMessage(OfferOf(4));
  Work();
  storage_.Crash(CrashKind::kPowerCut);
  kernel_ = "eigen-b";
  Start();
  ConnectAnew();
  session_->OnMessage(OfferOf(4));
  Work();
  ASSERT_THAT(uplink_->submitted, SizeIs(1));
  EXPECT_EQ(KernelOf(0), "eigen-a");
}

TEST_F(KernelTest, AJobThatPinsThisOneIsAdmitted) {
  Connect();
  EXPECT_EQ(AnswerTo(Pinning("eigen-a")).verdict, wire::Verdict::kAdmitted);
}

TEST_F(KernelTest, AJobThatPinsAnotherIsRefusedByNameBeforeItsDataIsRead) {
  Connect();
  const wire::AdmissionReply answer = AnswerTo(Pinning("eigen-z"));
  EXPECT_EQ(answer.verdict, wire::Verdict::kRefused);
  EXPECT_EQ(answer.rule, "kernel");
  EXPECT_THAT(answer.message, AllOf(HasSubstr("`eigen-z`"), HasSubstr("`eigen-a`")));
  EXPECT_EQ(datasets_.loads, 0);
}

TEST_F(KernelTest, ATaskAndANoticeAfterTheKernelChangedAreRefused) {
  Connect();
  const wire::JobNotice notice = Pinning("eigen-a");
  ASSERT_EQ(AnswerTo(notice).verdict, wire::Verdict::kAdmitted);
  kernel_ = "eigen-b";
  Start();
  ConnectAnew();
  wire::TaskOffer offer = OfferOf(4);
  offer.job = notice.job;
  session_->OnMessage(offer);
  Work();
  EXPECT_EQ(trained_, 0);
  EXPECT_THAT(uplink_->Heard<wire::TaskAccepted>(), IsEmpty());
  ASSERT_THAT(uplink_->Heard<wire::TaskRefused>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskRefused>()[0].rule, "kernel");
  EXPECT_EQ(AnswerTo(notice).rule, "kernel");
}

}  // namespace
}  // namespace consilium::client::session
