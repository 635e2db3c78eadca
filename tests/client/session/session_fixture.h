// One site session over memory: its disk, its data, its server and its clock.
#ifndef CONSILIUM_TESTS_CLIENT_SESSION_SESSION_FIXTURE_H_
#define CONSILIUM_TESTS_CLIENT_SESSION_SESSION_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "common/base/memory_storage.h"
#include "common/learn/strategy_layout.h"
#include "tests/client/session/fakes.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {

inline constexpr Duration kMinute = std::chrono::minutes(1);

inline policy::PolicyOptions OpenPolicy() {
  return {.datasets = {"heart"},
          .workloads = {"means", "variances", "train", "evaluate"},
          .researchers = {"*"},
          .min_rows = 20,
          .min_cell = 5};
}

class SiteSessionTest : public ::testing::Test {
 protected:
  SiteSessionTest() {
    state_ = ServeState(*uplink_, "state");
    Start();
  }

  void Start() {
    session_.reset();
    auto session = SiteSession::Create(
        {.site = SiteId("a"), .folder = "site", .version = "0.1.0", .kernel = kernel_},
        {storage_, datasets_, *policy_, clock_,
         [this](const job::JobSpec& spec, const train::SiteTask& task, const wire::StatePart& state,
                const data::Dataset&,
                const train::Progress& progress) { return Train(spec, task, state, progress); }});
    ASSERT_THAT(session, consilium::testing::IsOk());
    session_ = *std::move(session);
  }
  void Connect() { session_->OnWelcome({Epoch(1), "0.1.0", "clinics", {}}, uplink_); }
  void ConnectAnew() {
    const auto files = uplink_->files;
    session_->OnDisconnected();
    uplink_ = std::make_shared<FakeUplink>();
    uplink_->files = files;
    Connect();
  }
  void Work() {
    for (int i = 0; i < 100 && session_->RunOne(); ++i) {
    }
  }
  // Connected, with the job admitted.
  void Admit() {
    Connect();
    session_->OnMessage(notice_);
    Work();
    ASSERT_THAT(uplink_->Heard<wire::AdmissionReply>(), ::testing::SizeIs(1));
    ASSERT_EQ(uplink_->Heard<wire::AdmissionReply>()[0].verdict, wire::Verdict::kAdmitted);
  }
  wire::TaskOffer OfferOf(uint64_t step, wire::Workload workload = wire::Workload::kTrain,
                          uint64_t round = 1) const {
    return {notice_.job,
            StepNumber(step),
            workload,
            RoundNumber(round),
            state_,
            std::chrono::minutes(5),
            std::chrono::minutes(1),
            nullptr,
            nullptr};
  }
  absl::StatusOr<train::Contribution> Train(const job::JobSpec& spec, const train::SiteTask& task,
                                            const wire::StatePart& state,
                                            const train::Progress& progress) {
    ++trained_;
    EXPECT_EQ(task.min_cell, OpenPolicy().min_cell);
    EXPECT_EQ(state.texts.at("mark"), "state");
    uint64_t step = 0;
    if (task.checkpoints != nullptr) {
      if (const auto point = task.checkpoints->Find()) step = ByteReader(*point).Get<uint64_t>();
    }
    first_step_ = step;
    for (; step < 1000; ++step) {
      if (during_train_) during_train_();
      const bool go_on = progress(step, 1000);
      if (task.checkpoints != nullptr && task.checkpoints->Due()) {
        Bytes point;
        ByteWriter(point).Put(step);
        const std::array<ByteSpan, 1> parts = {point};
        task.checkpoints->Save(parts);
      }
      if (!go_on) return absl::CancelledError("cancelled");
    }
    if (!train_result_.ok()) return train_result_;
    auto contribution = ContributionOf(spec, task.workload, value_);
    own_.assign(task.own.begin(), task.own.end());
    if (contribution.ok() && learn::VectorsOf(spec).site_vector) {
      contribution->next_own.assign(2, (own_.empty() ? 0 : own_[0]) + 1);
    }
    if (contribution.ok() && !support_.empty()) {
      contribution->support.assign(contribution->support.size(), support_[0]);
    }
    return contribution;
  }

  MemoryStorage storage_;
  FakeDatasets datasets_;
  std::unique_ptr<policy::Policy> policy_ = std::make_unique<policy::Policy>(OpenPolicy());
  ManualClock clock_;
  std::shared_ptr<FakeUplink> uplink_ = std::make_shared<FakeUplink>();
  const wire::JobNotice notice_ = NoticeOf(kJobFile);
  Digest state_;
  int trained_ = 0;
  std::string kernel_ = "eigen-a";
  uint64_t first_step_ = 0;  // that the last training began with
  double value_ = 0.25;
  std::vector<uint64_t> support_;
  std::vector<float> own_;  // that the last training found at the site
  absl::Status train_result_;
  std::function<void()> during_train_;
  std::unique_ptr<SiteSession> session_;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_TESTS_CLIENT_SESSION_SESSION_FIXTURE_H_
