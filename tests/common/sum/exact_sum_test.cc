#include "common/sum/exact_sum.h"

#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "tests/common/sum/reference.h"
#include "tests/support/status_matchers.h"

namespace consilium::sum {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using tensor::DType;
using tensor::Weighting;

ExactSum Sum(const tensor::Layout& layout, const SumOptions& options,
             const std::vector<TestUpdate>& updates) {
  absl::StatusOr<ExactSum> sum = ExactSum::Create(layout, options);
  EXPECT_THAT(sum, IsOk());
  for (const TestUpdate& update : updates) {
    EXPECT_THAT(sum->Accumulate(update.weight, update.payload), IsOk());
  }
  return *std::move(sum);
}

double FirstOf(const ExactSum& sum) { return sum.Report().values.Float64(0)[0]; }

TEST(ExactSum, EqualsTheReferenceOf128BitIntegersBitForBit) {
  const tensor::Layout layout = MixedLayout();
  const std::vector<SumOptions> all_options = {
      {}, {1, 4095}, {1000, 4096}, {kMaxWeight, 100000}, {3, kMaxContributions}};
  for (const SumOptions& options : all_options) {
    for (uint64_t seed = 0; seed < 40; ++seed) {
      const std::vector<TestUpdate> updates = RandomUpdates(seed, layout, 1 + seed);
      const ExactSum sum = Sum(layout, options, updates);
      ASSERT_EQ(LimbsOf(layout, sum), ReferenceLimbs(layout, options, updates))
          << "seed " << seed << ", cap " << options.weight_cap << ", contributions "
          << options.max_contributions;
    }
  }
}

TEST(ExactSum, TiesRoundToTheEvenQuantum) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 4);
  const double quantum = std::ldexp(1.0, 7 - 51);
  for (const double x : {0.5, 1.5, 2.5, -0.5, -1.5, -2.5}) {
    const TestUpdate update{1, ConstantPayload(layout, x * quantum)};
    const int64_t expected = std::llrint(x);  // ties to even
    EXPECT_EQ(LimbsOf(layout, Sum(layout, {}, {update}))[0], expected) << x;
  }
}

TEST(ExactSum, MeansAreWeightedBySamplesOrPlain) {
  const absl::StatusOr<tensor::Layout> layout =
      tensor::Layout::Create({{"w", {1}, DType::kFloat32, 7, Weighting::kSamples},
                              {"c", {1}, DType::kFloat32, 7, Weighting::kOne},
                              {"s", {1}, DType::kFloat64, 7, Weighting::kOne}});
  ASSERT_THAT(layout, IsOk());
  std::vector<TestUpdate> updates;
  for (const double x : {1.0, 4.0}) {
    tensor::Bundle bundle(*layout);
    bundle.Float32(0)[0] = static_cast<float>(x);
    bundle.Float32(1)[0] = static_cast<float>(x);
    bundle.Float64(2)[0] = x;
    const ByteSpan payload = std::as_const(bundle).payload();
    updates.push_back({x == 1.0 ? 30u : 10u, Bytes(payload.begin(), payload.end())});
  }
  const SumReport report = Sum(*layout, {}, updates).Report();
  EXPECT_EQ(report.values.Float64(0)[0], 1.75);  // (30 * 1 + 10 * 4) / 40
  EXPECT_EQ(report.values.Float64(1)[0], 2.5);
  EXPECT_EQ(report.values.Float64(2)[0], 5.0);
  EXPECT_EQ(report.total_weight, 40u);
  EXPECT_EQ(report.contributions, 2u);
}

TEST(ExactSum, MeansAreWithinAHairOfLongDouble) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 1, Weighting::kSamples);
  const std::vector<TestUpdate> updates = RandomUpdates(11, layout, 1000);
  SumOptions options;
  options.weight_cap = 1 << 21;
  long double sum = 0;
  long double weights = 0;
  for (const TestUpdate& update : updates) {
    float x;
    std::memcpy(&x, update.payload.data(), sizeof x);
    sum += static_cast<long double>(update.weight) * static_cast<long double>(x);
    weights += static_cast<long double>(update.weight);
  }
  // Each of 1,000 contributions is off by at most u * q / 2.
  const double tolerance = 1000 * std::ldexp(1.0, 21 + 7 - 52) / static_cast<double>(weights);
  EXPECT_NEAR(FirstOf(Sum(layout, options, updates)), static_cast<double>(sum / weights),
              tolerance);
}

TEST(ExactSum, NothingCountedReportsZeros) {
  const tensor::Layout layout = MixedLayout();
  const SumReport report = Sum(layout, {}, {}).Report();
  EXPECT_EQ(report.contributions, 0u);
  for (size_t i = 0; i < layout.size(); ++i) {
    for (const double value : report.values.Float64(i)) EXPECT_EQ(value, 0.0);
  }
}

TEST(ExactSum, AWeightAboveTheCapCountsAsTheCap) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 3, Weighting::kSamples);
  SumOptions options;
  options.weight_cap = 1000;
  std::vector<TestUpdate> updates = RandomUpdates(12, layout, 2);
  updates[0].weight = kMaxWeight;
  updates[1].weight = 10;
  const Bytes above = Sum(layout, options, updates).Serialize();
  updates[0].weight = 1000;
  EXPECT_EQ(Sum(layout, options, updates).Serialize(), above);
  EXPECT_EQ(Sum(layout, options, updates).total_weight(), 1010u);
}

TEST(ExactSum, NegativeZeroAndDenormalsAddNothing) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, -64, 5);
  for (const double x : {-0.0, 1.4e-45, -1.4e-45, 1.1754942e-38}) {
    const ExactSum sum = Sum(layout, {}, {{1, ConstantPayload(layout, x)}});
    EXPECT_EQ(LimbsOf(layout, sum), std::vector<int64_t>(5, 0)) << x;
    EXPECT_FALSE(std::signbit(FirstOf(sum)));
  }
}

TEST(ExactSum, FullBound4095TimesIsExactAndTheNextIsAnError) {
  for (const double sign : {1.0, -1.0}) {
    const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 1, Weighting::kSamples);
    absl::StatusOr<ExactSum> sum = ExactSum::Create(layout, {});
    ASSERT_THAT(sum, IsOk());
    const Bytes payload = ConstantPayload(layout, sign * 128);
    for (int i = 0; i < 4095; ++i) {
      ASSERT_THAT(sum->Accumulate(kDefaultWeightCap, payload), IsOk());
    }
    EXPECT_EQ(FirstOf(*sum), sign * 128);
    const Bytes before = sum->Serialize();
    EXPECT_THAT(sum->Accumulate(1, payload), HasCode(ErrorCode::kSumOverflow));
    EXPECT_EQ(sum->Serialize(), before);
  }
}

// 2^24 - 1 contributions, by merging a sum with itself.
ExactSum Repeated(const ExactSum& once) {
  ExactSum total = once;
  ExactSum power = once;
  for (int i = 1; i < 24; ++i) {
    const ExactSum copy = power;
    EXPECT_THAT(power.MergeWith(copy), IsOk());
    EXPECT_THAT(total.MergeWith(power), IsOk());
  }
  return total;
}

TEST(ExactSum, MoreContributionsWidenTheQuantumInsteadOfWrapping) {
  const SumOptions options{kDefaultWeightCap, kMaxContributions};
  for (const double sign : {1.0, -1.0}) {
    const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 1, Weighting::kSamples);
    const ExactSum total =
        Repeated(Sum(layout, options, {{kDefaultWeightCap, ConstantPayload(layout, sign * 128)}}));
    EXPECT_EQ(total.contributions(), kMaxContributions);
    EXPECT_EQ(FirstOf(total), sign * 128);
    ExactSum copy = total;
    EXPECT_THAT(copy.MergeWith(total), HasCode(ErrorCode::kSumOverflow));
    EXPECT_EQ(copy.Serialize(), total.Serialize());
  }
}

TEST(ExactSum, TheLowLimbOfFloat64DoesNotWrapEither) {
  const SumOptions options{kDefaultWeightCap, kMaxContributions};
  const tensor::Layout layout = OneTensor(DType::kFloat64, 10, 1);
  // Just under half a quantum (2^(10-39)) below the bound: the low limb at its largest.
  const double x = 1024 - std::ldexp(1.0, 10 - 40) + std::ldexp(1.0, 10 - 52);
  const ExactSum total = Repeated(Sum(layout, options, {{1, ConstantPayload(layout, x)}}));
  const Int128 exact = Int128{kMaxContributions} * static_cast<int64_t>(std::ldexp(x, 42));
  EXPECT_EQ(FirstOf(total), std::ldexp(static_cast<double>(exact), -42));
}

TEST(ExactSum, OptionsThatDoNotFitAreNamedErrors) {
  const tensor::Layout layout = MixedLayout();
  EXPECT_THAT(ExactSum::Create(layout, {0, 4095}), HasCode(ErrorCode::kSumOverflow));
  EXPECT_THAT(ExactSum::Create(layout, {kMaxWeight + 1, 4095}), HasCode(ErrorCode::kSumOverflow));
  EXPECT_THAT(ExactSum::Create(layout, {1, 0}), HasCode(ErrorCode::kSumOverflow));
  EXPECT_THAT(ExactSum::Create(layout, {1, kMaxContributions + 1}),
              HasCode(ErrorCode::kSumOverflow));
}

TEST(ExactSum, RefusesWeightZeroAndAWrongLength) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 4);
  absl::StatusOr<ExactSum> sum = ExactSum::Create(layout, {});
  ASSERT_THAT(sum, IsOk());
  const Bytes payload = ConstantPayload(layout, 1);
  EXPECT_THAT(sum->Accumulate(0, payload), HasCode(ErrorCode::kUpdateWeight));
  EXPECT_THAT(sum->Accumulate(1, ByteSpan(payload).first(8)), HasCode(ErrorCode::kUpdateLayout));
  EXPECT_EQ(sum->contributions(), 0u);
}

TEST(ExactSum, DifferentLayoutsOrOptionsDoNotMerge) {
  ExactSum sum = Sum(OneTensor(DType::kFloat32, 7, 4), {}, {});
  EXPECT_THAT(sum.MergeWith(Sum(OneTensor(DType::kFloat32, 8, 4), {}, {})),
              HasCode(ErrorCode::kUpdateLayout));
  EXPECT_THAT(sum.MergeWith(Sum(OneTensor(DType::kFloat32, 7, 4), {1, 4095}, {})),
              HasCode(ErrorCode::kUpdateLayout));
}

TEST(ExactSum, TwoLimbsKeepWhatAPlainDoubleSumLoses) {
  const tensor::Layout layout = OneTensor(DType::kFloat64, 60, 1);
  std::vector<TestUpdate> updates;
  Int128 exact = 0;  // in units of 2^-40
  Random random(13);
  double plain = 0;
  for (int i = 0; i < 2000; ++i) {
    // Large values of both signs, and small ones far below their last bits.
    double x = std::ldexp(random.Uniform() - 0.5, i % 2 == 0 ? 60 : 5);
    x = std::ldexp(std::nearbyint(std::ldexp(x, 40)), -40);
    exact += RoundedQuanta(x, 1, 0, -40);
    plain += x;
    updates.push_back({1, ConstantPayload(layout, x)});
  }
  const double expected = std::ldexp(static_cast<double>(exact), -40);
  EXPECT_EQ(FirstOf(Sum(layout, {}, updates)), expected);
  EXPECT_NE(plain, expected);
}

TEST(ExactSum, Float64Keeps102BitsBelowItsBound) {
  const tensor::Layout layout = OneTensor(DType::kFloat64, 200, 1);
  const double bound = std::ldexp(1.0, 200);
  const double last = std::ldexp(1.0, 200 - 102);
  const std::vector<TestUpdate> updates = {{1, ConstantPayload(layout, bound)},
                                           {1, ConstantPayload(layout, 3 * last)},
                                           {1, ConstantPayload(layout, -bound)}};
  EXPECT_EQ(FirstOf(Sum(layout, {}, updates)), 3 * last);
}

}  // namespace
}  // namespace consilium::sum
