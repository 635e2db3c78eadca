// A session with the real site half: what a task leaves on the site's disk, and what of it leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "client/session/site_scalings.h"
#include "client/session/site_session.h"
#include "common/base/memory_storage.h"
#include "common/learn/model_state.h"
#include "common/learn/model_text.h"
#include "common/wire/update_file.h"
#include "tests/client/session/fakes.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// One train task of a job over 100 training rows that are all zero.
class SiteHalfInSession : public ::testing::Test {
 protected:
  void Run(const std::string& standardize) {
    std::string file(kJobFile);
    file.insert(file.find("features"), "standardize = \"" + standardize + "\"\n");
    const wire::JobNotice notice = NoticeOf(file);
    ASSERT_OK_AND_ASSIGN(spec_, job::ParseJob(AsBytes(file), "job.toml"));
    ASSERT_OK_AND_ASSIGN(const learn::ModelShape shape, learn::ShapeOf(spec_));
    ASSERT_OK_AND_ASSIGN(const tensor::Layout layout,
                         learn::StateLayout(shape, learn::Statistics::kNone));
    state_ = {tensor::Bundle(layout), learn::ModelTexts(spec_)};
    ASSERT_OK_AND_ASSIGN(
        const auto session,
        SiteSession::Create({.site = SiteId("a"), .folder = "site", .version = "0.1.0"},
                            {storage_, datasets_, policy_, clock_, train::RunSiteHalf}));
    wire::TaskOffer offer;
    offer.job = notice.job;
    offer.step = StepNumber(1);
    offer.round = RoundNumber(1);
    offer.state = ServeState(*uplink_, state_);
    offer.time_left = offer.progress_lease = std::chrono::minutes(5);
    session->OnWelcome({Epoch(1), "0.1.0", "clinics", {}}, uplink_);
    for (const wire::ServerMessage& message : {wire::ServerMessage(notice), {offer}}) {
      session->OnMessage(message);
      while (session->RunOne()) {
      }
    }
  }
  uint64_t SupportOf(const std::string& tensor) const {
    const auto sent = wire::ParseUpdateHeader(uplink_->submitted.at(0));
    const auto layout = learn::ContributionLayout(spec_, wire::Workload::kTrain);
    return sent->header.support.at(layout->Find(tensor).value());
  }

  MemoryStorage storage_;
  FakeDatasets datasets_;
  const policy::Policy policy_{{.datasets = {"heart"},
                                .workloads = {"train", "evaluate"},
                                .researchers = {"*"},
                                .min_rows = 20,
                                .min_cell = 5}};
  ManualClock clock_;
  std::shared_ptr<FakeUplink> uplink_ = std::make_shared<FakeUplink>();
  job::JobSpec spec_;
  wire::StatePart state_;
};

class FewTestRows : public SiteHalfInSession, public ::testing::WithParamInterface<size_t> {};

TEST_P(FewTestRows, DoNotKeepTheSiteFromTrainingAndAreNotSpokenOf) {
  datasets_.test_rows = GetParam();
  Run("none");
  EXPECT_THAT(uplink_->Heard<wire::TaskFailed>(), IsEmpty());
  EXPECT_THAT(uplink_->Heard<wire::TaskRefused>(), IsEmpty());
  ASSERT_THAT(uplink_->submitted, SizeIs(1));
  const bool enough = GetParam() >= policy_.min_cell();
  EXPECT_EQ(SupportOf("eval.test.rows"), enough ? GetParam() : 0);
  EXPECT_EQ(SupportOf("eval.test.loss_sum"), enough ? GetParam() : 0);
  EXPECT_EQ(SupportOf("eval.train.rows"), 100u);
}
INSTANTIATE_TEST_SUITE_P(Rows, FewTestRows, ::testing::Values(0, 1, 4, 5));

TEST_F(SiteHalfInSession, StatisticsOfTheSiteAreOnItsDiskBeforeTheUpdateLeaves) {
  uplink_->on_submit = [&] { storage_.Crash(CrashKind::kPowerCut); };
  Run("site");
  ASSERT_OK_AND_ASSIGN(const auto kept, SiteScalings("site", storage_).Find(ModelDigest(state_)));
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->rows, 100u);
  EXPECT_THAT(kept->scaling.mean, ElementsAre(0.0));
  EXPECT_THAT(kept->scaling.scale, ElementsAre(1.0));
}

TEST_F(SiteHalfInSession, AJobThatDoesNotStandardiseByTheSiteLeavesNone) {
  Run("none");
  EXPECT_THAT(uplink_->submitted, SizeIs(1));
  EXPECT_THAT(*storage_.List("site/site-statistics"), IsEmpty());
}

}  // namespace
}  // namespace consilium::client::session
