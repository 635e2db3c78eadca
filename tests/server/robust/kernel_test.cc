// Every build of the kernel gives the same bits, and the right ones.
#include "server/robust/kernel.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "common/base/random.h"
#include "server/robust/kernels.h"
#include "server/robust/sorting_network.h"

namespace consilium::server::robust {
namespace {

std::vector<float> RandomFloats(uint64_t seed, size_t count) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& x : values) {
    x = static_cast<float>(std::ldexp(random.Uniform() * 2 - 1, 7 - int(random.Below(40))));
    if (random.Below(20) == 0) x = random.Below(2) == 0 ? 0.0f : -0.0f;
  }
  return values;
}

const std::byte* BytesOf(const std::vector<float>& values) {
  return reinterpret_cast<const std::byte*>(values.data());
}

TEST(RobustKernel, EveryBuildGivesTheSameBits) {
  const Kernels& portable = UsableKernels().back();
  for (const size_t count : {1, 7, 8, 9, 63, 1000}) {
    const std::vector<float> a = RandomFloats(count, count), b = RandomFloats(count + 1, count);
    std::vector<double> centre(count);
    for (size_t i = 0; i < count; ++i) centre[i] = std::sin(static_cast<double>(i));
    for (const Kernels& one : UsableKernels()) {
      SCOPED_TRACE(one.name);
      const auto same = [](double x, double y) {
        EXPECT_EQ(std::bit_cast<uint64_t>(x), std::bit_cast<uint64_t>(y));
      };
      same(one.squared_distance(BytesOf(a), centre.data(), count),
           portable.squared_distance(BytesOf(a), centre.data(), count));
      same(one.squared_difference(BytesOf(a), BytesOf(b), count),
           portable.squared_difference(BytesOf(a), BytesOf(b), count));
      same(one.dot(BytesOf(a), BytesOf(b), count), portable.dot(BytesOf(a), BytesOf(b), count));
      std::vector<double> out = centre, wanted = centre;
      one.add_scaled(BytesOf(a), 1.0 / 3, out.data(), count);
      portable.add_scaled(BytesOf(a), 1.0 / 3, wanted.data(), count);
      EXPECT_EQ(std::memcmp(out.data(), wanted.data(), count * sizeof(double)), 0);
    }
  }
}

TEST(RobustKernel, EveryBuildSortsATileAlike) {
  for (const size_t rows : {2, 5, 40, 129}) {
    const std::vector<Comparator> network = SortingNetwork(rows, 0, rows);
    const std::vector<float> start = RandomFloats(rows, rows * kTileColumns);
    std::vector<float> wanted = start;
    UsableKernels().back().sort_tile(network.data(), network.size(), wanted.data());
    for (size_t row = 1; row < rows; ++row) {
      for (size_t c = 0; c < kTileColumns; ++c) {
        ASSERT_LE(wanted[(row - 1) * kTileColumns + c], wanted[row * kTileColumns + c]);
      }
    }
    for (const Kernels& one : UsableKernels()) {
      std::vector<float> tile = start;
      one.sort_tile(network.data(), network.size(), tile.data());
      EXPECT_EQ(std::memcmp(tile.data(), wanted.data(), tile.size() * sizeof(float)), 0)
          << one.name;
    }
  }
}

TEST(RobustKernel, SumsWhatItSays) {
  const std::vector<float> a = {1, 2, 3, 4, 5, 6, 7, 8, 9}, b(9, 1.0f);
  const std::vector<double> centre(9, 0.5);
  const Kernels& best = BestKernels();
  EXPECT_EQ(best.squared_difference(BytesOf(a), BytesOf(b), 9), 204);  // 0 + 1 + 4 + .. + 64
  EXPECT_EQ(best.dot(BytesOf(a), BytesOf(b), 9), 45);
  EXPECT_EQ(best.squared_distance(BytesOf(b), centre.data(), 9), 9 * 0.25);
}

}  // namespace
}  // namespace consilium::server::robust
