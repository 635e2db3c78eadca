#include "common/tensor/bundle.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "tests/support/status_matchers.h"

namespace consilium::tensor {
namespace {

Layout TwoTensors() {
  return *Layout::Create(
      {{"w", {3}, DType::kFloat32}, {"s", {2}, DType::kFloat64, 40, Weighting::kOne, Tag::kSum}});
}

TEST(Bundle, StartsWithZeros) {
  const Bundle bundle(TwoTensors());
  EXPECT_EQ(bundle.payload().size(), 32u);
  EXPECT_TRUE(std::ranges::all_of(bundle.payload(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(Bundle, BeginsAtAMultipleOf64Bytes) {
  for (int i = 0; i < 16; ++i) {
    const Bundle bundle(TwoTensors());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bundle.payload().data()) % 64, 0u);
  }
}

TEST(Bundle, SpansAreViewsOfThePayload) {
  Bundle bundle(TwoTensors());
  bundle.Float32(0)[2] = 1.5f;
  bundle.Float64(1)[1] = -2.5;
  EXPECT_EQ(bundle.Float32(0).size(), 3u);
  EXPECT_EQ(bundle.Float64(1).size(), 2u);
  EXPECT_EQ(static_cast<const void*>(bundle.Float64(1).data()), bundle.payload().data() + 16);
  EXPECT_EQ(std::as_const(bundle).Float64(1)[1], -2.5);
  EXPECT_EQ(bundle.IndexOf("s"), 1u);
}

TEST(Bundle, ACloneIsApart) {
  Bundle bundle(TwoTensors());
  bundle.Float32(0)[0] = 1;
  Bundle clone = bundle.Clone();
  clone.Float32(0)[0] = 2;
  EXPECT_EQ(bundle.Float32(0)[0], 1);
  EXPECT_EQ(clone.Float32(0)[0], 2);
  EXPECT_EQ(clone.layout(), bundle.layout());
}

TEST(Bundle, MovesWithoutCopying) {
  Bundle bundle(TwoTensors());
  const void* block = bundle.payload().data();
  const Bundle moved = std::move(bundle);
  EXPECT_EQ(static_cast<const void*>(moved.payload().data()), block);
}

TEST(Bundle, AnEmptyOneHasNoPayload) {
  EXPECT_TRUE(Bundle().payload().empty());
  EXPECT_TRUE(Bundle().Clone().payload().empty());
}

TEST(BundleDeathTest, TheWrongTypeOrNameIsABrokenInvariant) {
  Bundle bundle(TwoTensors());
  EXPECT_DEATH(bundle.Float64(0), "kFloat64");
  EXPECT_DEATH(bundle.Float32(2), "tensor < ");
  EXPECT_DEATH(bundle.IndexOf("absent"), "has_value");
}

}  // namespace
}  // namespace consilium::tensor
