#include "common/learn/start.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/learn/aligned_vector.h"
#include "common/learn/model.h"

namespace consilium::learn {
namespace {

job::JobSpec SeededMlp() {
  job::JobSpec spec;
  spec.model.kind = job::ModelKind::kMlp;
  spec.model.hidden = {100};
  spec.model.start = job::StartKind::kSeed;
  spec.data.features.resize(25);
  return spec;
}

AlignedVector<float> StartOf(const job::JobSpec& spec) {
  const tensor::Layout parameters = ParameterLayout(ShapeOf(spec).value()).value();
  StartDraw draw(spec, parameters);
  AlignedVector<float> start;
  for (const tensor::TensorSpec& tensor : parameters.tensors()) {
    std::vector<float> values(tensor::ElementsOf(tensor));
    // In two pieces: blocks do not show in the values.
    const size_t half = values.size() / 2;
    if (half > 0) draw.Next(std::span(values).first(half));
    draw.Next(std::span(values).subspan(half));
    start.insert(start.end(), values.begin(), values.end());
  }
  return start;
}

TEST(Start, ZerosAreZeros) {
  job::JobSpec spec = SeededMlp();
  spec.model.start = job::StartKind::kZeros;
  EXPECT_EQ(StartOf(spec), AlignedVector<float>(25 * 100 + 100 + 100 + 1));
}

TEST(Start, SeedFillsEachLayerUpToItsOwnReach) {
  const AlignedVector<float> start = StartOf(SeededMlp());
  const auto largest = [&](size_t first, size_t last) {
    return std::abs(*std::max_element(start.begin() + static_cast<long>(first),
                                      start.begin() + static_cast<long>(last),
                                      [](float a, float b) { return std::abs(a) < std::abs(b); }));
  };
  EXPECT_LE(largest(0, 2600), 0.2f);  // 1 / sqrt(25)
  EXPECT_GT(largest(0, 2600), 0.19f);
  EXPECT_LE(largest(2600, 2701), 0.1f);  // 1 / sqrt(100)
  EXPECT_GT(largest(2600, 2701), 0.09f);
  double mean = 0;
  for (size_t i = 0; i < 2600; ++i) mean += start[i] / 2600;
  EXPECT_NEAR(mean, 0, 4 * 0.2 / std::sqrt(3 * 2600));  // four standard errors
}

TEST(Start, FollowsTheSeedElseTheJobDigest) {
  job::JobSpec spec = SeededMlp();
  const auto by_digest = StartOf(spec);
  EXPECT_EQ(by_digest, StartOf(spec));
  spec.digest.bytes[31] = 1;
  EXPECT_NE(by_digest, StartOf(spec));
  spec.seed_given = true;
  const auto by_seed = StartOf(spec);
  spec.digest.bytes[31] = 2;
  EXPECT_EQ(by_seed, StartOf(spec));
  spec.seed = 1;
  EXPECT_NE(by_seed, StartOf(spec));
}

}  // namespace
}  // namespace consilium::learn
