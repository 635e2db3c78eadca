// Which jobs a site takes part in, and what it says to the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/session/session_fixture.h"

namespace consilium::client::session {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(SiteSessionTest, TaskOfAJobThatWasNotAdmittedIsRefused) {
  Connect();
  session_->OnMessage(OfferOf(4));
  ASSERT_THAT(uplink_->Heard<wire::TaskRefused>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::TaskRefused>()[0].rule, "unknown_job");
}

TEST_F(SiteSessionTest, AdmittedJobIsKnownAfterARestart) {
  Admit();
  storage_.Crash(CrashKind::kPowerCut);
  Start();
  ConnectAnew();
  session_->OnMessage(OfferOf(4));
  Work();
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
}

TEST_F(SiteSessionTest, NoticeWhoseBytesAreAnotherJobIsRefused) {
  Connect();
  wire::JobNotice notice = notice_;
  notice.file.push_back(std::byte{'\n'});
  session_->OnMessage(notice);
  Work();
  ASSERT_THAT(uplink_->Heard<wire::AdmissionReply>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].verdict, wire::Verdict::kRefused);
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].rule, "CN0605");
}

TEST_F(SiteSessionTest, RefusedResearcherCausesNoReading) {
  policy::PolicyOptions options = OpenPolicy();
  options.researchers = {"grace"};
  *policy_ = policy::Policy(options);
  Connect();
  session_->OnMessage(notice_);
  Work();
  ASSERT_THAT(uplink_->Heard<wire::AdmissionReply>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].rule, "researchers");
  EXPECT_EQ(datasets_.loads, 0);
}

TEST_F(SiteSessionTest, DataErrorRefusesTheJobByCode) {
  datasets_.result = Error(ErrorCode::kDataMissingColumn, "no column for `age`");
  Connect();
  session_->OnMessage(notice_);
  Work();
  ASSERT_THAT(uplink_->Heard<wire::AdmissionReply>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].rule, "CN0403");
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].message, "no column for `age`");
}

TEST_F(SiteSessionTest, TooFewRowsRefuseTheJobWithoutTheirNumber) {
  datasets_.rows = 19;
  Connect();
  session_->OnMessage(notice_);
  Work();
  ASSERT_THAT(uplink_->Heard<wire::AdmissionReply>(), SizeIs(1));
  EXPECT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].rule, "min_rows");
  EXPECT_THAT(uplink_->Heard<wire::AdmissionReply>()[0].message, Not(HasSubstr("19")));
}

}  // namespace
}  // namespace consilium::client::session
