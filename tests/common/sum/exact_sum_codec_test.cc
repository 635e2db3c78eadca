// A sum as bytes: canonical, strict, and never a crash whatever the bytes.
#include <cstring>
#include <utility>
#include <vector>

#include "common/sum/exact_sum.h"
#include "tests/common/sum/reference.h"
#include "tests/support/status_matchers.h"

namespace consilium::sum {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;

Bytes SomeSum(const tensor::Layout& layout) {
  absl::StatusOr<ExactSum> sum = ExactSum::Create(layout, {});
  EXPECT_THAT(sum, IsOk());
  for (const TestUpdate& update : RandomUpdates(21, layout, 5)) {
    EXPECT_THAT(sum->Accumulate(update.weight, update.payload), IsOk());
  }
  return sum->Serialize();
}

TEST(ExactSumCodec, ReadingBackGivesTheSameBytes) {
  const tensor::Layout layout = MixedLayout();
  const Bytes bytes = SomeSum(layout);
  const absl::StatusOr<ExactSum> sum = ExactSum::Deserialize(layout, bytes);
  ASSERT_THAT(sum, IsOk());
  EXPECT_EQ(sum->contributions(), 5u);
  EXPECT_EQ(sum->Serialize(), bytes);
}

TEST(ExactSumCodec, AnEmptyLayoutHasASumToo) {
  const Bytes bytes = SomeSum(tensor::Layout());
  EXPECT_EQ(bytes.size(), 48u);
  EXPECT_THAT(ExactSum::Deserialize(tensor::Layout(), bytes), IsOk());
}

TEST(ExactSumCodec, EveryTruncationIsRefused) {
  const tensor::Layout layout = MixedLayout();
  const Bytes bytes = SomeSum(layout);
  for (size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_FALSE(ExactSum::Deserialize(layout, ByteSpan(bytes).first(length)).ok()) << length;
  }
}

TEST(ExactSumCodec, EveryFlippedBitIsRefused) {
  const tensor::Layout layout = MixedLayout();
  Bytes bytes = SomeSum(layout);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const std::byte mask = std::byte{1} << (bit % 8);
    bytes[bit / 8] ^= mask;
    ASSERT_FALSE(ExactSum::Deserialize(layout, bytes).ok()) << "bit " << bit;
    bytes[bit / 8] ^= mask;
  }
}

TEST(ExactSumCodec, TrailingBytesAreRefused) {
  const tensor::Layout layout = MixedLayout();
  Bytes bytes = SomeSum(layout);
  bytes.push_back(std::byte{0});
  EXPECT_THAT(ExactSum::Deserialize(layout, bytes), HasCode(ErrorCode::kStateCorrupt));
}

TEST(ExactSumCodec, ANewerVersionIsNamedWithBothNumbers) {
  const tensor::Layout layout = MixedLayout();
  Bytes bytes = SomeSum(layout);
  bytes[8] = std::byte{7};
  const absl::Status status = ExactSum::Deserialize(layout, bytes).status();
  EXPECT_THAT(status, HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("version 7"));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("up to 1"));
}

TEST(ExactSumCodec, AnotherLayoutIsRefused) {
  const tensor::Layout layout = OneTensor(tensor::DType::kFloat32, 7, 4);
  const Bytes bytes = SomeSum(layout);
  EXPECT_THAT(ExactSum::Deserialize(OneTensor(tensor::DType::kFloat32, 8, 4), bytes),
              HasCode(ErrorCode::kUpdateLayout));
  EXPECT_THAT(ExactSum::Deserialize(OneTensor(tensor::DType::kFloat64, 7, 2), bytes),
              HasCode(ErrorCode::kUpdateLayout));
}

}  // namespace
}  // namespace consilium::sum
