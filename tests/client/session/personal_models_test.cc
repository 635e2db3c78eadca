// Personal weights in a session: staged until the Outcome, a model file in the end, and in no byte
// that is sent.
#include "client/session/personal_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "client/session/own_vectors.h"
#include "client/session/site_scalings.h"
#include "client/train/predict.h"
#include "common/base/memory_storage.h"
#include "common/crypto/sha256.h"
#include "common/learn/model_file.h"
#include "common/learn/model_text.h"
#include "common/learn/strategy_layout.h"
#include "common/wire/layout_codec.h"
#include "common/wire/update_file.h"
#include "tests/client/session/fakes.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::session {
namespace {

using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::OutcomeKind;

const JobId kOwnJob("00112233aabbccdd");
const Digest kGlobal = crypto::Sha256Of(AsBytes("global"));

class PersonalModelsTest : public ::testing::Test {
 protected:
  absl::Status Stage(uint64_t step, const Digest& global, std::string_view file, UtcMillis now) {
    return PersonalModels("site", storage_)
        .Stage(kOwnJob, StepNumber(step), global, AsBytes(file), now);
  }
  std::string FileOf(const Digest& global) {
    const auto path = PersonalModels("site", storage_).Find(global);
    if (!path.ok() || !*path) return "none";
    return std::string(AsText(ReadWhole(storage_, **path, 100).value()));
  }
  std::vector<std::string> Files() { return *storage_.List("site/personal"); }

  MemoryStorage storage_;
  PersonalModels models_{"site", storage_};
};

TEST_F(PersonalModelsTest, AModelIsFoundOnceItsEvaluationCounted) {
  EXPECT_EQ(FileOf(kGlobal), "none");
  ASSERT_THAT(Stage(7, kGlobal, "mine", 5), IsOk());
  EXPECT_EQ(FileOf(kGlobal), "none");
  ASSERT_THAT(models_.Advance(kOwnJob, StepNumber(6)), IsOk());
  EXPECT_EQ(FileOf(kGlobal), "none");
  for (int twice = 0; twice < 2; ++twice) {
    ASSERT_THAT(models_.Advance(kOwnJob, StepNumber(7)), IsOk());
    EXPECT_EQ(FileOf(kGlobal), "mine");
  }
  ASSERT_THAT(models_.DropJob(kOwnJob), IsOk());  // its job ends: the model stays
  EXPECT_EQ(FileOf(kGlobal), "mine");
  EXPECT_EQ(FileOf(crypto::Sha256Of(AsBytes("other"))), "none");
}

TEST_F(PersonalModelsTest, WhatDidNotCountGoes) {
  ASSERT_THAT(Stage(7, kGlobal, "mine", 5), IsOk());
  ASSERT_THAT(Stage(7, kGlobal, "made again", 6), IsOk());
  EXPECT_THAT(Files(), SizeIs(1));
  ASSERT_THAT(models_.Drop(kOwnJob, StepNumber(7)), IsOk());
  EXPECT_THAT(Files(), IsEmpty());
  ASSERT_THAT(Stage(8, kGlobal, "mine", 5), IsOk());
  ASSERT_THAT(models_.DropJob(kOwnJob), IsOk());
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(PersonalModelsTest, TheNewestOfAGlobalModelTakesThePlaceOfTheOlder) {
  ASSERT_THAT(Stage(7, kGlobal, "old", 5), IsOk());
  ASSERT_THAT(models_.Advance(kOwnJob, StepNumber(7)), IsOk());
  ASSERT_THAT(Stage(8, kGlobal, "new", 6), IsOk());
  ASSERT_THAT(models_.Advance(kOwnJob, StepNumber(8)), IsOk());
  EXPECT_EQ(FileOf(kGlobal), "new");
  EXPECT_THAT(Files(), SizeIs(1));
}

TEST_F(PersonalModelsTest, NoMoreThanTheBoundAreKeptAndTheOldestGoes) {
  const auto global = [](size_t i) { return crypto::Sha256Of(AsBytes(std::to_string(i))); };
  for (size_t i = 0; i <= kMaxPersonalModels; ++i) {
    ASSERT_THAT(Stage(i + 1, global(i), "mine", static_cast<UtcMillis>(i)), IsOk());
    ASSERT_THAT(models_.Advance(kOwnJob, StepNumber(i + 1)), IsOk());
  }
  EXPECT_THAT(Files(), SizeIs(kMaxPersonalModels));
  EXPECT_EQ(FileOf(global(0)), "none");
  EXPECT_EQ(FileOf(global(1)), "mine");
  EXPECT_EQ(FileOf(global(kMaxPersonalModels)), "mine");
}

TEST_F(PersonalModelsTest, APowerCutAtAnyPointLeavesTheOldOrTheNew) {
  int done = 0;
  for (uint64_t at = 1; at <= 40; ++at) {
    SCOPED_TRACE(at);
    storage_.SetFaults({.fail_operation = at, .and_all_after = true});
    const bool staged = Stage(7, kGlobal, "mine", static_cast<UtcMillis>(at)).ok();
    const bool moved = staged && models_.Advance(kOwnJob, StepNumber(7)).ok();
    storage_.Crash(CrashKind::kPowerCut);
    storage_.SetFaults({});
    if (moved) {
      EXPECT_EQ(FileOf(kGlobal), "mine");
    }
    done += moved ? 1 : 0;
    // It is made again where it was not staged, and heard again where it had not moved.
    if (!staged) {
      ASSERT_THAT(Stage(7, kGlobal, "mine", static_cast<UtcMillis>(at)), IsOk());
    }
    ASSERT_THAT(models_.Advance(kOwnJob, StepNumber(7)), IsOk());
    EXPECT_EQ(FileOf(kGlobal), "mine");
    EXPECT_THAT(Files(), SizeIs(1));
  }
  EXPECT_GT(done, 0);
  EXPECT_LT(done, 40);
}

// 100 rows of one column; the label is 1 in half of them, so that the personal bias moves.
class HalfOnes final : public DatasetSource {
 public:
  std::vector<std::string> Names() const override { return {"heart"}; }
  absl::StatusOr<std::shared_ptr<const data::Dataset>> Load(const job::JobSpec&,
                                                            const data::ReadProgress&) override {
    auto dataset = std::make_shared<data::Dataset>();
    dataset->train.columns = dataset->test.columns = 1;
    for (int row = 0; row < 100; ++row) {
      dataset->train.x.push_back(row % 7);
      dataset->train.y.push_back(row % 4 == 0 ? 1 : 0);
    }
    dataset->digest = crypto::Sha256Of(AsBytes("half ones"));
    return dataset;
  }
};

// A session with the real site half and a job whose bias stays at the site.
class PersonalSession : public ::testing::Test {
 protected:
  PersonalSession() {
    std::string file(kJobFile);
    file.insert(file.find("features"), "standardize = \"none\"\n");
    notice_ = NoticeOf(file + "[personal]\nmethod = \"layers\"\nlayers = [\"biases\"]\n");
    spec_ = job::ParseJob(notice_.file, "job.toml").value();
    state_ = {tensor::Bundle(learn::StateLayout(spec_, learn::Statistics::kNone).value()),
              learn::ModelTexts(spec_)};
    Start();
  }
  void Start() {
    session_ = SiteSession::Create({.site = SiteId("a"), .folder = "site", .version = "0.1.0"},
                                   {storage_, datasets_, policy_, clock_, train::RunSiteHalf})
                   .value();
    session_->OnWelcome({Epoch(1), "0.1.0", "clinics", {}}, uplink_);
    Tell(notice_);
  }
  void Tell(const wire::ServerMessage& message) {
    session_->OnMessage(message);
    while (session_->RunOne()) {
    }
  }
  void Offer(uint64_t step, wire::Workload workload, uint64_t round) {
    wire::TaskOffer offer;
    offer.job = notice_.job;
    offer.step = StepNumber(step);
    offer.workload = workload;
    offer.round = RoundNumber(round);
    offer.state = ServeState(*uplink_, state_);
    offer.time_left = offer.progress_lease = std::chrono::minutes(5);
    Tell(offer);
  }
  void Hear(uint64_t step, OutcomeKind kind = OutcomeKind::kCounted) {
    Tell(wire::Outcome{notice_.job, StepNumber(step), kind, ""});
  }
  std::vector<float> Kept() {
    const auto own = OwnVectors("site/own", storage_).Find(notice_.job).value();
    return {own.begin(), own.end()};
  }

  MemoryStorage storage_;
  HalfOnes datasets_;
  const policy::Policy policy_{{.datasets = {"heart"},
                                .workloads = {"train", "evaluate"},
                                .researchers = {"*"},
                                .min_rows = 20,
                                .min_cell = 5}};
  ManualClock clock_;
  std::shared_ptr<FakeUplink> uplink_ = std::make_shared<FakeUplink>();
  wire::JobNotice notice_;
  job::JobSpec spec_;
  wire::StatePart state_;
  std::unique_ptr<SiteSession> session_;
};

TEST_F(PersonalSession, NoByteOfWhatStaysIsSent) {
  Offer(1, wire::Workload::kTrain, 1);
  Hear(1);
  Offer(2, wire::Workload::kTrain, 2);
  Hear(2);
  ASSERT_THAT(Kept(), SizeIs(1));
  ASSERT_THAT(uplink_->submitted, SizeIs(2));
  for (const Bytes& sent : uplink_->submitted) {
    ASSERT_OK_AND_ASSIGN(const auto header, wire::ParseUpdateHeader(sent));
    // The layout is the job's without the bias: its size, and its digest, say so.
    const auto layout = learn::ContributionLayout(spec_, wire::Workload::kTrain).value();
    EXPECT_FALSE(layout.Find("b").has_value());
    EXPECT_EQ(header.header.layout, wire::DigestOf(layout));
    EXPECT_EQ(header.header.payload_bytes, layout.payload_bytes());
    // And nowhere in the file are the bytes of the weight that is kept.
    std::array<std::byte, 4> weight;
    std::memcpy(weight.data(), Kept().data(), 4);
    EXPECT_EQ(std::ranges::search(sent, weight).begin(), sent.end());
  }
}

TEST_F(PersonalSession, WeightsMoveWithTheOutcomeAndSurviveAPowerCut) {
  Offer(1, wire::Workload::kTrain, 1);
  EXPECT_THAT(Kept(), IsEmpty());  // staged
  storage_.Crash(CrashKind::kPowerCut);
  Start();
  Hear(1);
  const std::vector<float> first = Kept();
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_LT(first[0], 0);  // a quarter of the labels are 1
  Offer(2, wire::Workload::kTrain, 2);
  Hear(2, OutcomeKind::kRoundFailed);
  EXPECT_EQ(Kept(), first);
}

TEST_F(PersonalSession, AFinishedJobLeavesAModelFileThatPredicts) {
  Offer(1, wire::Workload::kTrain, 1);
  Hear(1);
  const std::vector<float> own = Kept();
  Offer(2, wire::Workload::kEvaluate, 0);
  const PersonalModels models("site", storage_);
  ASSERT_OK_AND_ASSIGN(auto staged, models.Find(ModelDigest(state_)));
  EXPECT_FALSE(staged.has_value());
  Hear(2);
  Tell(wire::JobEnded{notice_.job, "done"});
  EXPECT_THAT(*storage_.List("site/own"), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto path, models.Find(ModelDigest(state_)));
  ASSERT_TRUE(path.has_value());
  EXPECT_THAT(*path, EndsWith(".safetensors"));
  ASSERT_OK_AND_ASSIGN(const Bytes file, ReadWhole(storage_, *path, 1 << 20));
  ASSERT_OK_AND_ASSIGN(const wire::StatePart model, learn::DecodeModel(file));
  EXPECT_EQ(model.tensors.Float32(model.tensors.IndexOf("b"))[0], own.at(0));
  data::Split rows;
  rows.columns = 1;
  rows.x = {0};
  rows.y = {0};
  ASSERT_OK_AND_ASSIGN(const auto predicted, train::Predict(model, rows, nullptr));
  EXPECT_THAT(predicted.scores, ElementsAre(own.at(0)));
  EXPECT_THAT(train::Predict(state_, rows, nullptr),
              consilium::testing::HasCode(ErrorCode::kModelNeedsPersonal));
}

TEST_F(PersonalSession, AnEvaluationThatDidNotCountLeavesNoModel) {
  Offer(1, wire::Workload::kTrain, 1);
  Hear(1);
  Offer(2, wire::Workload::kEvaluate, 0);
  Hear(2, OutcomeKind::kRoundFailed);
  EXPECT_THAT(*storage_.List("site/personal"), IsEmpty());
}

}  // namespace
}  // namespace consilium::client::session
