#include "client/train/sgd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "tests/client/train/tiny_federation.h"
#include "tests/support/status_matchers.h"

namespace consilium::client::train {
namespace {

using ::consilium::testing::IsOk;
using ::consilium::testing::LogisticJob;
using ::consilium::testing::StatusIs;
using ::consilium::testing::Synthetic;

constexpr uint32_t kFeatures = 3;

// Keeps the newest point in memory; due at every look.
class KeptPoint final : public Checkpoints {
 public:
  std::optional<Bytes> Find() override { return newest; }
  bool Due() override { return true; }
  void Save(std::span<const ByteSpan> parts) override {
    newest.emplace();
    for (const ByteSpan part : parts) newest->insert(newest->end(), part.begin(), part.end());
    ++saved;
  }
  std::optional<Bytes> newest;
  int saved = 0;
};

class TickingClock final : public Clock {
 public:
  Instant Now() const override { return Instant(std::chrono::seconds(++looks_)); }
  UtcMillis UtcNow() const override { return 0; }

 private:
  mutable int looks_ = 0;
};

// A training of one task, as often as one likes.
class Training {
 public:
  explicit Training(uint32_t batch_size, job::ModelKind kind = job::ModelKind::kLogistic)
      : spec_(LogisticJob(kFeatures)) {
    spec_.train.batch_size = batch_size;
    spec_.train.local_epochs = 3;
    spec_.model.kind = kind;
    if (kind == job::ModelKind::kMlp) spec_.model.hidden = {4};
    shape_ = learn::ShapeOf(spec_).value();
    rows_ = Prepare(shape_, Synthetic(1, 25, kFeatures).train, nullptr).value();
  }
  learn::BatchOrder Order() const {
    return {learn::BatchKey(spec_, RoundNumber(2), SiteId("a")),
            static_cast<uint32_t>(rows_.rows()), spec_.train.batch_size};
  }
  uint64_t steps() const { return LocalSteps(spec_.train, Order()); }
  // Ends after `last_step` as if the process had; 0: goes to the end.
  absl::Status Run(uint64_t last_step, Checkpoints* checkpoints) {
    return RunFor(last_step, checkpoints, nullptr).status();
  }
  // The steps that fit `spec_.train.local_time` on a clock that shows a second more at each look.
  absl::StatusOr<uint64_t> StepsThatFit(Duration time) {
    spec_.train.local_time = time;
    const TickingClock clock;
    return RunFor(0, nullptr, &clock);
  }
  absl::StatusOr<uint64_t> RunFor(uint64_t last_step, Checkpoints* checkpoints,
                                  const Clock* clock) {
    const size_t count = learn::ParameterCount(learn::ParameterLayout(shape_).value());
    parameters.assign(count, 0.125f);
    const auto model = learn::MakeModel<float>(shape_);
    seen.clear();
    const auto weights = learn::WeightRanges(learn::ParameterLayout(shape_).value());
    learn::Dropout dropout(Digest{}, spec_.train.dropout);
    learn::Dropout* drops = spec_.train.dropout > 0 ? &dropout : nullptr;
    return RunSgd(
        spec_.train, Order(),
        {rows_, *model, parameters, checkpoints, 1, nullptr, nullptr, clock, weights, drops},
        [&](uint64_t done, uint64_t) {
          seen.push_back(done);
          return last_step == 0 || done < last_step;
        });
  }
  job::TrainSpec& train() { return spec_.train; }
  learn::AlignedVector<float> parameters;
  std::vector<uint64_t> seen;  // by the progress

 private:
  job::JobSpec spec_;
  learn::ModelShape shape_;
  PreparedSplit rows_;
};

TEST(Sgd, GoesOnFromItsCheckpointWithTheSameBits) {
  for (const auto kind : {job::ModelKind::kLogistic, job::ModelKind::kMlp}) {
    for (const uint32_t batch : {1u, 7u, 0u}) {
      Training training(batch, kind);
      ASSERT_THAT(training.Run(0, nullptr), IsOk());
      const auto undisturbed = training.parameters;
      for (uint64_t stop = 1; stop < training.steps(); ++stop) {
        KeptPoint kept;
        ASSERT_THAT(training.Run(stop, &kept), StatusIs(absl::StatusCode::kCancelled));
        ASSERT_THAT(training.Run(0, &kept), IsOk());
        EXPECT_EQ(training.seen.front(), stop);
        EXPECT_EQ(training.parameters, undisturbed) << "batch " << batch << ", step " << stop;
      }
    }
  }
}

// Moments are part of the checkpoint.
TEST(Sgd, GoesOnWithTheSameBitsWhateverTheOptimizer) {
  using job::OptimizerKind;
  for (const auto kind : {OptimizerKind::kSgd, OptimizerKind::kMomentum, OptimizerKind::kNesterov,
                          OptimizerKind::kAdam, OptimizerKind::kAdamW}) {
    Training training(7, job::ModelKind::kMlp);
    training.train().optimizer = {.kind = kind, .l1 = 0.01, .l2 = 0.1, .clip_norm = 0.5};
    ASSERT_THAT(training.Run(0, nullptr), IsOk());
    const auto undisturbed = training.parameters;
    for (uint64_t stop = 1; stop < training.steps(); ++stop) {
      KeptPoint kept;
      ASSERT_THAT(training.Run(stop, &kept), StatusIs(absl::StatusCode::kCancelled));
      ASSERT_THAT(training.Run(0, &kept), IsOk());
      EXPECT_EQ(training.seen.front(), stop);
      EXPECT_EQ(training.parameters, undisturbed) << job::NameOf(kind) << ", step " << stop;
    }
  }
}

// A step that is taken again leaves the same units out.
TEST(Sgd, GoesOnWithTheSameBitsWithDropout) {
  Training training(7, job::ModelKind::kMlp);
  ASSERT_THAT(training.Run(0, nullptr), IsOk());
  const auto whole = training.parameters;
  training.train().dropout = 0.5;
  ASSERT_THAT(training.Run(0, nullptr), IsOk());
  const auto undisturbed = training.parameters;
  EXPECT_NE(undisturbed, whole);
  for (uint64_t stop = 1; stop < training.steps(); ++stop) {
    KeptPoint kept;
    ASSERT_THAT(training.Run(stop, &kept), StatusIs(absl::StatusCode::kCancelled));
    ASSERT_THAT(training.Run(0, &kept), IsOk());
    EXPECT_EQ(training.parameters, undisturbed) << stop;
  }
}

TEST(Sgd, CheckpointOfAnotherOptimizerIsNotTakenUp) {
  Training training(7);
  training.train().optimizer.kind = job::OptimizerKind::kAdam;
  KeptPoint kept;
  ASSERT_THAT(training.Run(2, &kept), StatusIs(absl::StatusCode::kCancelled));
  training.train().optimizer.kind = job::OptimizerKind::kMomentum;
  ASSERT_THAT(training.Run(0, &kept), IsOk());
  EXPECT_EQ(training.seen.front(), 0u);
}

TEST(Sgd, InterruptedAgainAndAgainItComesToTheSameEnd) {
  Training training(2);
  ASSERT_THAT(training.Run(0, nullptr), IsOk());
  const auto undisturbed = training.parameters;
  KeptPoint kept;
  for (uint64_t stop = 1; stop < training.steps(); ++stop) {
    ASSERT_THAT(training.Run(stop, &kept), StatusIs(absl::StatusCode::kCancelled));
  }
  ASSERT_THAT(training.Run(0, &kept), IsOk());
  EXPECT_EQ(training.parameters, undisturbed);
  EXPECT_GE(kept.saved, static_cast<int>(training.steps()) - 1);
}

TEST(Sgd, ASiteTakesTheStepsThatFitItsTime) {
  using std::chrono::seconds;
  Training training(7);
  EXPECT_EQ(training.StepsThatFit(seconds(1)).value(), 1u) << "at least one";
  EXPECT_EQ(training.StepsThatFit(seconds(5)).value(), 5u);
  const auto after_five = training.parameters;
  EXPECT_EQ(training.StepsThatFit(seconds(1000)).value(), training.steps()) << "and at most these";
  EXPECT_NE(training.parameters, after_five);
  EXPECT_EQ(training.StepsThatFit(seconds(0)).value(), training.steps()) << "no limit";
}

TEST(Sgd, CheckpointOfAnotherTrainingIsNotTakenUp) {
  Training training(7);
  ASSERT_THAT(training.Run(0, nullptr), IsOk());
  const auto undisturbed = training.parameters;
  KeptPoint kept;
  ASSERT_THAT(Training(5).Run(2, &kept), StatusIs(absl::StatusCode::kCancelled));
  ASSERT_THAT(training.Run(0, &kept), IsOk());
  EXPECT_EQ(training.seen.front(), 0u);
  EXPECT_EQ(training.parameters, undisturbed);
}

TEST(TrainingPoint, ComesBackWholeOrNotAtAll) {
  std::vector<float> parameters = {1.5f, -0.0f, 3.0f}, moment = {7};
  const std::vector<PointVector> vectors = {{"parameters", parameters}, {"momentum", moment}};
  Bytes bytes;
  const std::vector<Bytes> heads = EncodePointHeads({5, 9, {5, 77}}, vectors);
  for (size_t i = 0; i < vectors.size(); ++i) {
    bytes.insert(bytes.end(), heads[i].begin(), heads[i].end());
    const auto values = std::as_bytes(vectors[i].values);
    bytes.insert(bytes.end(), values.begin(), values.end());
  }
  std::vector<float> p(3), m(1);
  const std::vector<PointVector> into = {{"parameters", p}, {"momentum", m}};
  const auto accept = [](const TrainingPoint&) { return true; };
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodePoint(ByteSpan(bytes).first(length), into, accept).has_value()) << length;
  }
  EXPECT_FALSE(DecodePoint(bytes, into, [](const TrainingPoint&) { return false; }).has_value());
  EXPECT_FALSE(DecodePoint(bytes, std::span(into).first(1), accept).has_value());
  const std::vector<PointVector> renamed = {{"parameters", p}, {"adam.m", m}};
  EXPECT_FALSE(DecodePoint(bytes, renamed, accept).has_value());
  const std::vector<PointVector> shorter = {{"parameters", std::span(p).first(2)}, {"momentum", m}};
  EXPECT_FALSE(DecodePoint(bytes, shorter, accept).has_value());
  EXPECT_EQ(p, std::vector<float>(3)) << "nothing is touched";
  const auto again = DecodePoint(bytes, into, accept);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->steps, 5u);
  EXPECT_EQ(again->of, 9u);
  EXPECT_EQ(again->order, (learn::BatchOrder::Position{5, 77}));
  EXPECT_EQ(p, parameters);
  EXPECT_EQ(m, moment);
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(DecodePoint(bytes, into, accept).has_value());
}

}  // namespace
}  // namespace consilium::client::train
