#include "server/round/next_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "common/learn/model_state.h"
#include "common/learn/start.h"
#include "server/aggregation/server_half.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::round {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using wire::Workload;

constexpr uint32_t kFeatures = 301;  // odd: tensors end in padding

// layer0.w has 301 x 151 elements: more than one block, and an odd number.
job::JobSpec Job() {
  job::JobSpec spec;
  spec.seed_given = true;
  spec.data.label = "y";
  spec.data.features.resize(kFeatures);
  for (uint32_t i = 0; i < kFeatures; ++i) spec.data.features[i].name = "x" + std::to_string(i);
  spec.model.kind = job::ModelKind::kMlp;
  spec.model.hidden = {151};
  spec.model.start = job::StartKind::kSeed;
  return spec;
}

// Every element another value.
sum::SumReport ReportOf(const job::JobSpec& spec, Workload workload) {
  const tensor::Layout layout = learn::ContributionLayout(spec, workload).value();
  sum::SumReport report{tensor::Bundle(sum::SumRule::Create(layout, {}).value().report_layout()), 5,
                        2};
  for (size_t t = 0; t < layout.size(); ++t) {
    double value = 2;
    for (double& element : report.values.Float64(t)) element = value += 0.0009765625;
  }
  return report;
}

class NextStateTest : public ::testing::Test {
 protected:
  Digest First(const job::JobSpec& spec) { return PutFirstState(spec, states_).value().digest(); }
  // The same step by blocks of `block` elements.
  absl::StatusOr<Digest> Step(Workload workload, const Digest& base, uint64_t block = 32768) {
    const sum::SumReport report = ReportOf(spec_, workload);
    CN_ASSIGN_OR_RETURN(NextState next, NextState::Begin(spec_, workload, base, states_));
    const size_t model = next.first_statistic();
    for (size_t t = 0; t < model; ++t) {
      const std::span<const double> values = report.values.Float64(t);
      for (uint64_t done = 0; done < values.size(); done += block) {
        const uint64_t count = std::min<uint64_t>(block, values.size() - done);
        CN_RETURN_IF_ERROR(next.Step(t, done, values.subspan(done, count)));
      }
    }
    CN_ASSIGN_OR_RETURN(const auto held, next.Finish(report.values.From(model)));
    return held.digest();
  }
  // In memory.
  Digest Expected(Workload workload, const Digest& base) {
    const wire::State state = states_.Get(base).value();
    return states_
        .Put(aggregation::NextState(spec_, workload, state, ReportOf(spec_, workload)).value())
        .value();
  }
  size_t Unfinished() const {
    const std::vector<std::string> names = storage_.List("states").value();
    return static_cast<size_t>(
        std::ranges::count_if(names, [](const auto& name) { return name.ends_with(".new"); }));
  }
  std::string BroadcastPath(const Digest& state) {
    return "states/" + HexOf(states_.GetManifest(state).value().broadcast.digest) + ".broadcast";
  }
  void Damage(const std::string& path) {
    Bytes bytes = ReadWhole(storage_, path, 1 << 30).value();
    bytes[bytes.size() / 2] ^= std::byte{1};
    const auto file = storage_.OpenAppend(path, 0).value();
    ASSERT_THAT(file->Append(bytes), IsOk());
  }

  MemoryStorage storage_;
  store::StateStore states_{"states", storage_};
  job::JobSpec spec_ = Job();
};

TEST_F(NextStateTest, ByBlocksAndInMemoryAreTheSameState) {
  Digest state = First(spec_);
  for (const Workload workload : {Workload::kMeans, Workload::kVariances, Workload::kTrain,
                                  Workload::kTrain, Workload::kEvaluate}) {
    const Digest expected = Expected(workload, state);
    for (const uint64_t block : {32768u, 1000u, 2u}) {
      ASSERT_OK_AND_ASSIGN(const Digest next, Step(workload, state, block));
      EXPECT_EQ(next, expected) << wire::NameOf(workload) << " " << block;
    }
    EXPECT_EQ(expected == state, workload == Workload::kEvaluate);
    state = expected;
  }
  EXPECT_EQ(Unfinished(), 0u);
}

TEST_F(NextStateTest, StrategiesWithMomentsAndVariatesAreTheSameByBlocks) {
  for (const job::StrategyRow& row : job::StrategyTable()) {
    SCOPED_TRACE(row.name);
    spec_.strategy.kind = row.kind;
    Digest state = First(spec_);
    const wire::State first = states_.Get(state).value();
    EXPECT_EQ(first.private_part.tensors.layout().size(), row.vectors.private_slots > 0 ? 4u : 0u);
    EXPECT_EQ(first.broadcast.tensors.layout().size(), row.vectors.variates ? 8u : 4u);
    for (const Workload workload : {Workload::kMeans, Workload::kTrain, Workload::kTrain}) {
      const Digest expected = Expected(workload, state);
      for (const uint64_t block : {32768u, 1000u, 2u}) {
        ASSERT_OK_AND_ASSIGN(const Digest next, Step(workload, state, block));
        EXPECT_EQ(next, expected) << wire::NameOf(workload) << " " << block;
      }
      state = expected;
    }
  }
}

TEST_F(NextStateTest, AStateOfAnotherStrategyIsRefused) {
  const Digest plain = First(spec_);
  for (const auto kind : {job::StrategyKind::kFedAdam, job::StrategyKind::kScaffold}) {
    spec_.strategy.kind = kind;
    EXPECT_THAT(Step(Workload::kTrain, plain), HasCode(ErrorCode::kModelMismatch));
  }
}

TEST_F(NextStateTest, FirstStateHoldsTheDrawnValues) {
  const wire::State state = states_.Get(First(spec_)).value();
  const tensor::Bundle& model = state.broadcast.tensors;
  learn::StartDraw draw(spec_, model.layout());
  for (size_t t = 0; t < model.layout().size(); ++t) {
    std::vector<float> values(model.Float32(t).size());
    draw.Next(values);
    EXPECT_TRUE(std::ranges::equal(values, model.Float32(t))) << t;
  }
}

TEST_F(NextStateTest, StartsFromAStateThatWasPut) {
  const Digest first = First(spec_);
  ASSERT_OK_AND_ASSIGN(const Digest trained, Step(Workload::kTrain, first));
  ASSERT_OK_AND_ASSIGN(const Digest widened, Step(Workload::kMeans, trained));
  job::JobSpec again = spec_;
  again.model.start = job::StartKind::kState;
  again.model.start_state = widened;
  EXPECT_THAT(CheckFirstState(again, states_), IsOk());
  EXPECT_EQ(First(again), trained);  // the model, without what statistics had found
  Damage(BroadcastPath(widened));
  EXPECT_THAT(PutFirstState(again, states_), HasCode(ErrorCode::kStateCorrupt));
  again.model.start_state = Digest();
  EXPECT_THAT(CheckFirstState(again, states_), HasCode(ErrorCode::kStateNotFound));
}

TEST_F(NextStateTest, PutModelThatIsNotFiniteIsRefused) {
  wire::State state = states_.Get(First(spec_)).value();
  state.broadcast.tensors.Float32(1)[3] = std::numeric_limits<float>::infinity();
  job::JobSpec again = spec_;
  again.model.start = job::StartKind::kState;
  again.model.start_state = states_.Put(state).value();
  EXPECT_THAT(PutFirstState(again, states_), HasCode(ErrorCode::kModelMismatch));
  EXPECT_EQ(Unfinished(), 0u);
}

TEST_F(NextStateTest, BaseThatHasChangedOnDiskGivesNoState) {
  const Digest first = First(spec_);
  Damage(BroadcastPath(first));
  EXPECT_THAT(Step(Workload::kTrain, first), HasCode(ErrorCode::kStateCorrupt));
  EXPECT_THAT(states_.Verify(first), HasCode(ErrorCode::kStateCorrupt));
  EXPECT_EQ(Unfinished(), 0u);
}

TEST_F(NextStateTest, StepThatFailsLeavesNothingBehind) {
  const Digest first = First(spec_);
  const std::vector<std::string> before = storage_.List("states").value();
  {
    ASSERT_OK_AND_ASSIGN(NextState next, NextState::Begin(spec_, Workload::kTrain, first, states_));
    std::vector<double> deltas(32768);
    ASSERT_THAT(next.Step(0, 0, deltas), IsOk());
    EXPECT_EQ(Unfinished(), 1u);
    deltas[7] = 1e300;
    deltas.resize(10);
    const absl::Status diverged = next.Step(0, 32768, deltas);
    EXPECT_THAT(diverged, HasCode(ErrorCode::kTrainingDiverged));
    EXPECT_NE(diverged.message().find("layer0.w[32775]"), std::string::npos);
  }
  EXPECT_EQ(storage_.List("states").value(), before);
}

TEST_F(NextStateTest, PrivatePartStaysAsItIs) {
  wire::State state = states_.Get(First(spec_)).value();
  state.private_part.texts["moments"] = std::string(100'000, 'm');
  const Digest base = states_.Put(state).value();
  ASSERT_OK_AND_ASSIGN(const Digest next, Step(Workload::kTrain, base));
  EXPECT_EQ(states_.GetManifest(next)->private_part, states_.GetManifest(base)->private_part);
}

}  // namespace
}  // namespace consilium::server::round
