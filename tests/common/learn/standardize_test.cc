#include "common/learn/standardize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/learn/fill.h"

namespace consilium::learn {
namespace {

TEST(Standardize, DeviationHasOneDegreeLess) {
  const std::vector<double> x = {1, 10, 2, 10, 6, 10};  // [3, 2]
  const Scaling scaling = ScalingOf(x, 2);
  EXPECT_DOUBLE_EQ(scaling.mean[0], 3);
  EXPECT_DOUBLE_EQ(scaling.scale[0], std::sqrt(14.0 / 2) + 1e-9);
}

TEST(Standardize, ConstantColumnsHaveScaleOne) {
  for (const double value : {0.0, 10.0, 0.1, -1e-3, 2.5e11}) {
    const std::vector<double> x(37, value);
    const Scaling scaling = ScalingOf(x, 1);
    EXPECT_EQ(scaling.scale[0], 1) << value;
    EXPECT_NEAR(scaling.mean[0], value, 1e-12 * std::abs(value));
  }
}

TEST(Standardize, OneRowHasScaleOne) {
  EXPECT_EQ(ScalingOf(std::vector<double>{3.5}, 1).scale[0], 1);
}

TEST(Standardize, UnitIsThePowerOfTwoAboveTheMean) {
  EXPECT_EQ(UnitOf(0), 1);
  EXPECT_EQ(UnitOf(-0.5), 1);
  EXPECT_EQ(UnitOf(1), 1);
  EXPECT_EQ(UnitOf(1.5), 2);
  EXPECT_EQ(UnitOf(-8), 8);
  EXPECT_EQ(UnitOf(9), 16);
  EXPECT_TRUE(std::isfinite(UnitOf(1.7e308)));
}

// Platelets per litre: squares near 10^23 a row would leave the exact sum's bound, in units not.
TEST(Standardize, LargeUnitsKeepSquaresSmall) {
  std::vector<double> x;
  for (int i = 0; i < 1000; ++i) x.push_back(2.5e11 + 1e9 * (i % 100));
  const Scaling scaling = ScalingOf(x, 1);
  EXPECT_LT(CentredSquares(x, scaling.mean)[0], 1e3);
  double squares = 0;
  for (const double value : x) squares += std::pow(value - scaling.mean[0], 2);
  EXPECT_NEAR(scaling.scale[0] / std::sqrt(squares / 999), 1, 1e-12);
}

TEST(Standardize, IsComputedInDoubleThenCast) {
  const Scaling scaling{{1e6}, {1e-3}};
  const auto out = Standardize(std::vector<double>{1e6 + 0.5e-3}, 1, &scaling);
  EXPECT_NEAR(out[0], 0.5f, 1e-6f);  // in float32 1e6 + 0.0005 is 1e6
  EXPECT_EQ(Standardize(std::vector<double>{0.1}, 1, nullptr)[0], 0.1f);
}

TEST(Standardize, MissingValuesAreInNoSumAndNoCount) {
  const double nan = std::nan("");
  const std::vector<double> x = {1, 10, nan, 20, 3, nan};
  EXPECT_EQ(ColumnCounts(x, 2), (std::vector<double>{2, 2}));
  EXPECT_EQ(ColumnSums(x, 2), (std::vector<double>{4, 30}));
  EXPECT_EQ(CentredSquares(x, std::vector<double>{2, 1}), (std::vector<double>{0.5, 442}));
  const Scaling scaling = ScalingOf(x, 2);
  EXPECT_EQ(scaling.mean, (std::vector<double>{2, 15}));
  EXPECT_NEAR(scaling.scale[0], std::sqrt(2.0), 1e-8);
  const auto z = Standardize(x, 2, &scaling, std::vector<float>{0, 7});
  EXPECT_EQ(z[2], 0);
  EXPECT_EQ(z[5], 7);
  EXPECT_NEAR(z[0], -1 / std::sqrt(2.0), 1e-6);
  const Scaling empty = ScalingOf(std::vector<double>{nan, nan}, 1);
  EXPECT_EQ(empty.mean[0], 0);
  EXPECT_EQ(empty.scale[0], 1);
}

// A number, a binary feature that is mostly 1, and a category of shares .2, .3, .5.
TEST(Fill, IsTheMeanOrTheMostFrequentValue) {
  job::JobSpec spec;
  spec.data.features = {{"n", job::ColumnType::kNumber, {}},
                        {"b", job::ColumnType::kBinary, {}},
                        {"c", job::ColumnType::kCategory, {"p", "q", "r"}}};
  spec.data.features[0].missing = job::Missing::kIndicator;
  spec.data.features[1].missing = job::Missing::kMode;
  spec.data.features[2].missing = job::Missing::kMode;
  Scaling scaling{{40, 0.1, 0.75, 0.3, 0.5}, {2, 2, 0.5, 0.5, 0.25}};
  EXPECT_EQ(FillOf(spec, scaling), (std::vector<float>{0, 0, 0.5F, -0.6F, 2}));
  scaling.mean = {40, 0.1, 0.25, 0.25, 0.25};  // now 0, and the base
  EXPECT_EQ(FillOf(spec, scaling), (std::vector<float>{0, 0, -0.5F, -0.5F, -1}));
}

}  // namespace
}  // namespace consilium::learn
