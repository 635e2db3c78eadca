// What stays at a site has no tensor in anything that leaves it.
#include "common/learn/personal_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/learn/contribution.h"
#include "common/learn/model_file.h"
#include "common/learn/model_npz.h"
#include "common/learn/model_state.h"
#include "common/learn/model_text.h"
#include "common/learn/strategy_layout.h"
#include "tests/support/status_matchers.h"

namespace consilium::learn {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using wire::Workload;

// Two inputs, three hidden units, one score: 9 + 4 parameters.
job::JobSpec SmallMlp(job::PersonalKind kind, std::vector<std::string> tensors = {}) {
  job::JobSpec spec;
  spec.data.dataset = "d";
  spec.data.label = "y";
  for (const char* name : {"x0", "x1"}) spec.data.features.emplace_back().name = name;
  spec.model.kind = job::ModelKind::kMlp;
  spec.model.hidden = {3};
  spec.model.start = job::StartKind::kSeed;
  spec.seed = 7;
  spec.seed_given = true;
  spec.personal.kind = kind;
  spec.personal.tensors = std::move(tensors);
  return spec;
}

job::JobSpec OwnHead() { return SmallMlp(job::PersonalKind::kLayers, {"layer1.w", "layer1.b"}); }

std::vector<std::string> TensorNamesOf(const tensor::Layout& layout) {
  std::vector<std::string> names;
  for (const tensor::TensorSpec& tensor : layout.tensors()) names.push_back(tensor.name);
  return names;
}

tensor::Layout WholeLayout(const job::JobSpec& spec) {
  return ParameterLayout(ShapeOf(spec).value()).value();
}

TEST(PersonalLayout, WhatStaysIsInNoContributionAndInNoState) {
  for (const job::StrategyRow& row : job::StrategyTable()) {
    if (row.vectors.site_vector) continue;
    SCOPED_TRACE(row.name);
    job::JobSpec spec = OwnHead();
    spec.strategy.kind = row.kind;
    ASSERT_OK_AND_ASSIGN(const auto shared, SharedLayout(spec));
    EXPECT_THAT(TensorNamesOf(shared), ElementsAre("layer0.w", "layer0.b"));
    for (const Workload workload :
         {Workload::kMeans, Workload::kVariances, Workload::kTrain, Workload::kEvaluate}) {
      ASSERT_OK_AND_ASSIGN(const auto layout, ContributionLayout(spec, workload));
      EXPECT_THAT(TensorNamesOf(layout), Not(Contains(HasSubstr("layer1"))));
    }
    ASSERT_OK_AND_ASSIGN(const auto state, StateLayout(spec, Statistics::kMeansAndScales));
    EXPECT_THAT(TensorNamesOf(state), Not(Contains(HasSubstr("layer1"))));
    ASSERT_OK_AND_ASSIGN(const auto kept, PrivateLayout(spec, shared));
    EXPECT_THAT(TensorNamesOf(kept), Not(Contains(HasSubstr("layer1"))));
  }
}

// The bytes of an update are those of the job without [personal], less the tensors that stay, and
// with one more evaluation.
TEST(PersonalLayout, AnUpdateIsShorterByWhatStays) {
  const auto bytes = [](const job::JobSpec& spec, Workload workload) {
    return ContributionLayout(spec, workload).value().payload_bytes();
  };
  const job::JobSpec plain = SmallMlp(job::PersonalKind::kNone);
  const uint64_t evaluation = bytes(plain, Workload::kEvaluate);
  EXPECT_EQ(bytes(OwnHead(), Workload::kEvaluate), 2 * evaluation);
  EXPECT_EQ(bytes(plain, Workload::kTrain), 24 + 16 + 16 + 8 + evaluation);  // 6, 3, 3, 1 floats
  EXPECT_EQ(bytes(OwnHead(), Workload::kTrain), 24 + 16 + 2 * evaluation);
}

TEST(PersonalLayout, ASiteIsJudgedTwiceWhereItsModelMoves) {
  const auto judged = [](job::PersonalKind kind, Workload workload) {
    return EvaluatesPersonal(SmallMlp(kind), workload);
  };
  using enum job::PersonalKind;
  EXPECT_FALSE(judged(kNone, Workload::kTrain));
  EXPECT_FALSE(judged(kNone, Workload::kEvaluate));
  EXPECT_TRUE(judged(kDitto, Workload::kTrain));
  EXPECT_TRUE(judged(kDitto, Workload::kEvaluate));
  EXPECT_FALSE(judged(kDitto, Workload::kMeans));
  EXPECT_FALSE(judged(kFineTune, Workload::kTrain));
  EXPECT_TRUE(judged(kFineTune, Workload::kEvaluate));
  EXPECT_TRUE(NeedsOwnVector(SmallMlp(kDitto), Workload::kTrain));
  EXPECT_TRUE(NeedsOwnVector(SmallMlp(kDitto), Workload::kEvaluate));
  EXPECT_FALSE(NeedsOwnVector(SmallMlp(kFineTune), Workload::kEvaluate));
  EXPECT_FALSE(NeedsOwnVector(SmallMlp(kNone), Workload::kTrain));
  job::JobSpec scaffold = SmallMlp(kNone);
  scaffold.strategy.kind = job::StrategyKind::kScaffold;
  EXPECT_TRUE(NeedsOwnVector(scaffold, Workload::kTrain));
  EXPECT_FALSE(NeedsOwnVector(scaffold, Workload::kEvaluate));
}

TEST(PersonalLayout, WhatIsTakenOutGoesBackToItsPlace) {
  const job::JobSpec spec = SmallMlp(job::PersonalKind::kLayers, {"layer0.b", "layer1.b"});
  const tensor::Layout layout = WholeLayout(spec);
  AlignedVector<float> model(ParameterCount(layout));
  for (size_t i = 0; i < model.size(); ++i) model[i] = static_cast<float>(i);
  const AlignedVector<float> own = TakePersonal(spec.personal, layout, model);
  EXPECT_THAT(own, ElementsAre(6, 7, 8, 12));
  EXPECT_EQ(PersonalCount(spec.personal, layout), 4u);
  AlignedVector<float> other(model.size(), -1.0F);
  PlacePersonal(spec.personal, layout, own, other);
  EXPECT_THAT(other, ElementsAre(-1, -1, -1, -1, -1, -1, 6, 7, 8, -1, -1, -1, 12));
}

TEST(PersonalLayout, PersonalTensorsStartWhereTheWholeModelWould) {
  const job::JobSpec spec = OwnHead();
  const tensor::Layout layout = WholeLayout(spec);
  const AlignedVector<float> start = StartParameters(SmallMlp(job::PersonalKind::kNone), layout);
  EXPECT_EQ(StartParameters(spec, layout), start);
  tensor::Bundle state(StateLayout(spec, Statistics::kNone).value());
  std::ranges::fill(state.Float32(0), 5.0F);
  std::ranges::fill(state.Float32(1), 6.0F);
  ASSERT_OK_AND_ASSIGN(const AlignedVector<float> model, ReadShared(spec, layout, state));
  EXPECT_EQ(model[0], 5.0F);
  EXPECT_EQ(model[8], 6.0F);
  for (size_t i = 9; i < 13; ++i) EXPECT_EQ(model[i], start[i]) << i;
  // From a state that somebody put, there is nothing of them to start from.
  job::JobSpec put = spec;
  put.model.start = job::StartKind::kState;
  EXPECT_EQ(StartParameters(put, layout), start);
}

TEST(PersonalLayout, TensorsThatTheModelHasNotAreRefused) {
  for (const auto& tensors :
       std::vector<std::vector<std::string>>{{"head.w"},
                                             {"layer1.w", "layer1.w"},
                                             {"layer0.w", "layer0.b", "layer1.w", "layer1.b"}}) {
    EXPECT_THAT(SharedLayout(SmallMlp(job::PersonalKind::kLayers, tensors)),
                HasCode(ErrorCode::kModelMismatch));
  }
}

// A global model file says what it lacks, and comes back; a site's own one is whole.
TEST(PersonalLayout, ModelFilesSayWhatTheyLack) {
  const job::JobSpec spec = OwnHead();
  wire::StatePart global{tensor::Bundle(StateLayout(spec, Statistics::kMeansAndScales).value()),
                         ModelTexts(spec)};
  std::ranges::fill(global.tensors.Float32(0), 2.0F);
  std::ranges::fill(global.tensors.Float64(3), 3.0);
  EXPECT_THAT(CheckModel(global), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto back, DecodeModel(EncodeSafetensors(global)));
  EXPECT_EQ(wire::EncodeStatePart(back), wire::EncodeStatePart(global));
  ASSERT_OK_AND_ASSIGN(const std::string text, EncodeModelJson(global));
  ASSERT_OK_AND_ASSIGN(const auto from_text, DecodeModel(AsBytes(text)));
  EXPECT_EQ(wire::EncodeStatePart(from_text), wire::EncodeStatePart(global));
  ASSERT_OK_AND_ASSIGN(const job::JobSpec said, SpecOfModel(back));
  EXPECT_EQ(said.personal.kind, job::PersonalKind::kLayers);
  EXPECT_THAT(said.personal.tensors, ElementsAre("layer1.w", "layer1.b"));

  AlignedVector<float> model(13, 4.0F);
  const wire::StatePart own = PersonalModel(spec, global, model);
  EXPECT_THAT(CheckModel(own), IsOk());
  ASSERT_OK_AND_ASSIGN(const job::JobSpec whole, SpecOfModel(own));
  EXPECT_THAT(whole.personal.tensors, ElementsAre());
  EXPECT_THAT(TensorNamesOf(own.tensors.layout()),
              ElementsAre("layer0.w", "layer0.b", "layer1.w", "layer1.b", "standardize.mean",
                          "standardize.scale"));
  EXPECT_EQ(own.tensors.Float32(3)[0], 4.0F);
  EXPECT_EQ(own.tensors.Float64(5)[0], 3.0);
}

}  // namespace
}  // namespace consilium::learn
