#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/sum/exact_sum.h"
#include "tests/common/sum/reference.h"
#include "tests/support/status_matchers.h"

namespace consilium::sum {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using tensor::DType;
using ::testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// A bundle of one float32 tensor, zero but for one element.
Bytes With(const tensor::Layout& layout, size_t index, float value) {
  tensor::Bundle bundle(layout);
  bundle.Float32(0)[index] = value;
  const ByteSpan payload = std::as_const(bundle).payload();
  return {payload.begin(), payload.end()};
}

Bytes With64(const tensor::Layout& layout, size_t index, double value) {
  tensor::Bundle bundle(layout);
  bundle.Float64(0)[index] = value;
  const ByteSpan payload = std::as_const(bundle).payload();
  return {payload.begin(), payload.end()};
}

TEST(ValidateValues, TheBoundItselfIsAllowedAndOneUlpMoreIsNot) {
  for (const int k : {-64, -3, 0, 7, 64}) {
    const tensor::Layout layout = OneTensor(DType::kFloat32, k, 5);
    const float bound = std::ldexp(1.0f, k);
    const float above = std::nextafter(bound, kInf);
    for (const float sign : {1.0f, -1.0f}) {
      EXPECT_THAT(ValidateValues(layout, With(layout, 3, sign * bound)), IsOk());
      EXPECT_THAT(ValidateValues(layout, With(layout, 3, sign * above)),
                  HasCode(ErrorCode::kUpdateOutOfBound));
    }
  }
  for (const int k : {-64, 0, 40, 200}) {
    const tensor::Layout layout = OneTensor(DType::kFloat64, k, 5);
    const double bound = std::ldexp(1.0, k);
    const double above = std::nextafter(bound, HUGE_VAL);
    for (const double sign : {1.0, -1.0}) {
      EXPECT_THAT(ValidateValues(layout, With64(layout, 3, sign * bound)), IsOk());
      EXPECT_THAT(ValidateValues(layout, With64(layout, 3, sign * above)),
                  HasCode(ErrorCode::kUpdateOutOfBound));
    }
  }
}

TEST(ValidateValues, NamesTensorAndIndexButNeverTheValue) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 5000);
  const absl::Status status = ValidateValues(layout, With(layout, 4321, 777.0f));
  EXPECT_THAT(status, HasCode(ErrorCode::kUpdateOutOfBound));
  EXPECT_THAT(std::string(status.message()), HasSubstr("`x` [4321]"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("2^7"));
  EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr("777")));
}

TEST(ValidateValues, EveryPositionIsLookedAt) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 2051);
  for (size_t i = 0; i < 2051; ++i) {
    const absl::Status status = ValidateValues(layout, With(layout, i, i % 2 == 0 ? kNan : -kInf));
    ASSERT_THAT(status, HasCode(ErrorCode::kUpdateNotFinite)) << i;
    ASSERT_THAT(std::string(status.message()), HasSubstr("[" + std::to_string(i) + "]"));
  }
}

TEST(ValidateValues, RefusesEveryKindOfNanAndInfinity) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 64, 4);
  for (const uint32_t bits : {0x7f800000u, 0xff800000u, 0x7f800001u, 0xffffffffu, 0x7fc00000u}) {
    EXPECT_THAT(ValidateValues(layout, With(layout, 1, std::bit_cast<float>(bits))),
                HasCode(ErrorCode::kUpdateNotFinite))
        << bits;
  }
  const tensor::Layout wide = OneTensor(DType::kFloat64, 200, 4);
  for (const double x : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
    EXPECT_THAT(ValidateValues(wide, With64(wide, 1, x)), HasCode(ErrorCode::kUpdateNotFinite));
  }
}

TEST(ValidateValues, AllowsZerosAndDenormals) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, -64, 4);
  for (const float x : {0.0f, -0.0f, 1.4e-45f, -1.1754942e-38f}) {
    EXPECT_THAT(ValidateValues(layout, With(layout, 0, x)), IsOk()) << x;
  }
}

TEST(ValidateValues, RefusesAWrongLengthAndPaddingThatIsNotZero) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 3);
  Bytes payload = With(layout, 0, 1.0f);
  EXPECT_THAT(ValidateValues(layout, ByteSpan(payload).first(8)),
              HasCode(ErrorCode::kUpdateLayout));
  payload.back() = std::byte{1};
  EXPECT_THAT(ValidateValues(layout, payload), HasCode(ErrorCode::kUpdateLayout));
}

TEST(ValidateBlock, BlocksOfAnySizeSeeWhatTheWholeSees) {
  const tensor::Layout layout = MixedLayout();
  Random random(31);
  for (int i = 0; i < 500; ++i) {
    Bytes payload = RandomPayload(random, layout);
    // Any byte may become anything: often a value beyond its bound, or dirty padding.
    const size_t at = random.Below(static_cast<uint32_t>(payload.size()));
    payload[at] ^= static_cast<std::byte>(1 + random.Below(255));
    const absl::Status whole = ValidateValues(layout, payload);
    const uint64_t block_bytes = uint64_t{8} * (1 + random.Below(20));
    absl::Status first;
    for (uint64_t offset = 0; offset < payload.size() && first.ok(); offset += block_bytes) {
      const uint64_t length = std::min<uint64_t>(block_bytes, payload.size() - offset);
      first = ValidateBlock(layout, offset, ByteSpan(payload).subspan(offset, length));
    }
    ASSERT_EQ(first, whole);
  }
}

TEST(ValidateBlock, RefusesBlocksThatAreNotMultiplesOf8OrLeaveThePayload) {
  const tensor::Layout layout = OneTensor(DType::kFloat32, 7, 100);
  const Bytes payload(layout.payload_bytes());
  const ByteSpan bytes(payload);
  EXPECT_THAT(ValidateBlock(layout, 4, bytes.first(8)), HasCode(ErrorCode::kUpdateLayout));
  EXPECT_THAT(ValidateBlock(layout, 0, bytes.first(12)), HasCode(ErrorCode::kUpdateLayout));
  EXPECT_THAT(ValidateBlock(layout, 8, bytes), HasCode(ErrorCode::kUpdateLayout));
  EXPECT_THAT(ValidateBlock(layout, UINT64_MAX - 7, bytes.first(8)),
              HasCode(ErrorCode::kUpdateLayout));
  EXPECT_THAT(ValidateBlock(layout, 400, {}), IsOk());
}

}  // namespace
}  // namespace consilium::sum
