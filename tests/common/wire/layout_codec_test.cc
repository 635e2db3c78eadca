#include "common/wire/layout_codec.h"

#include <string>

#include "tests/common/wire/mutations.h"
#include "tests/common/wire/samples.h"
#include "tests/support/status_matchers.h"

namespace consilium::wire {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOkAndHolds;
using ::testing::HasSubstr;

std::optional<Bytes> ReencodeLayout(ByteSpan bytes) {
  const absl::StatusOr<tensor::Layout> layout = DecodeLayout(bytes);
  if (!layout.ok()) return std::nullopt;
  return EncodeLayout(*layout);
}

TEST(LayoutCodec, ReadsBackWhatItWrote) {
  for (const tensor::Layout& layout : {SomeLayout(), tensor::Layout()}) {
    EXPECT_THAT(DecodeLayout(EncodeLayout(layout)), IsOkAndHolds(layout));
  }
}

TEST(LayoutCodec, SurvivesEveryCutAndChange) {
  ExpectStrict(ReencodeLayout, EncodeLayout(SomeLayout()));
}

TEST(LayoutCodec, TheBytesAreThoseOfTheDocument) {
  const tensor::Layout layout = *tensor::Layout::Create(
      {{"w", {2, 3}, tensor::DType::kFloat32, -2, tensor::Weighting::kOne, tensor::Tag::kSum}});
  const Bytes bytes = EncodeLayout(layout);
  const std::string expected(
      "CNLAYOUT\1\0\0\0\1\0\0\0\1\2\2\2\xfe\xff\xff\xff\2\0\0\0\3\0\0\0\1\0\0\0w", 37);
  EXPECT_EQ(AsText(bytes), expected);
}

TEST(LayoutCodec, TheDigestTellsLayoutsApart) {
  std::vector<tensor::TensorSpec> specs = SomeLayout().tensors();
  const Digest digest = DigestOf(SomeLayout());
  EXPECT_EQ(DigestOf(*tensor::Layout::Create(specs)), digest);
  specs[1].tag = tensor::Tag::kSum;
  EXPECT_NE(DigestOf(*tensor::Layout::Create(specs)), digest);
}

TEST(LayoutCodec, AnAnnouncedCountBeyondTheBytesIsRefusedBeforeAnyAllocation) {
  Bytes bytes = EncodeLayout(tensor::Layout());
  bytes[12] = std::byte{0xff};
  bytes[13] = std::byte{0x0f};
  EXPECT_THAT(DecodeLayout(bytes), HasCode(ErrorCode::kUpdateLayout));
  bytes[15] = std::byte{0xff};
  const absl::Status status = DecodeLayout(bytes).status();
  EXPECT_THAT(status, HasCode(ErrorCode::kUpdateLayout));
  EXPECT_THAT(std::string(status.message()), HasSubstr("want at most 4096"));
}

TEST(LayoutCodec, ANewerVersionIsNamedWithBothNumbers) {
  Bytes bytes = EncodeLayout(SomeLayout());
  bytes[8] = std::byte{9};
  const absl::Status status = DecodeLayout(bytes).status();
  EXPECT_THAT(status, HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(std::string(status.message()), HasSubstr("version 9"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("up to 1"));
}

}  // namespace
}  // namespace consilium::wire
