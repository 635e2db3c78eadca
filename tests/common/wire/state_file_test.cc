#include "common/wire/state_file.h"

#include <string>
#include <utility>

#include "common/wire/layout_codec.h"
#include "tests/common/wire/mutations.h"
#include "tests/common/wire/samples.h"
#include "tests/support/status_matchers.h"

namespace consilium::wire {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using consilium::testing::IsOkAndHolds;
using ::testing::HasSubstr;

StatePart SomePart() {
  StatePart part;
  part.tensors = tensor::Bundle(SomeLayout());
  part.tensors.Float32(0)[5] = 1.25f;
  part.tensors.Float32(1)[2] = -7.5f;
  part.tensors.Float64(2)[0] = 303;
  part.texts = {{"model", "logistic"}, {"features", "[\"age\"]"}, {"label", ""}};
  return part;
}

std::optional<Bytes> ReencodePart(ByteSpan bytes) {
  const absl::StatusOr<StatePart> part = DecodeStatePart(bytes);
  if (!part.ok()) return std::nullopt;
  return EncodeStatePart(*part);
}

std::optional<Bytes> ReencodeManifest(ByteSpan bytes) {
  const absl::StatusOr<Manifest> manifest = DecodeManifest(bytes);
  if (!manifest.ok()) return std::nullopt;
  return EncodeManifest(*manifest);
}

Manifest SomeManifest() { return {{DigestOfByte(1), 1234}, {DigestOfByte(2), 5678}}; }

TEST(StatePart, ReadsBackWhatItWrote) {
  const StatePart part = SomePart();
  ASSERT_OK_AND_ASSIGN(const StatePart read, DecodeStatePart(EncodeStatePart(part)));
  EXPECT_EQ(read.texts, part.texts);
  EXPECT_EQ(read.tensors.layout(), part.tensors.layout());
  EXPECT_EQ(read.tensors.Float32(0)[5], 1.25f);
  EXPECT_EQ(read.tensors.Float32(1)[2], -7.5f);
  EXPECT_EQ(read.tensors.Float64(2)[0], 303);
}

TEST(StatePart, AnEmptyOneReadsBack) {
  const Bytes bytes = EncodeStatePart({});
  EXPECT_EQ(ReencodePart(bytes), bytes);
}

TEST(StatePart, SurvivesEveryCutAndChange) {
  ExpectStrict(ReencodePart, EncodeStatePart(SomePart()));
}

TEST(StatePart, TensorsBeginAtAMultipleOf8Bytes) {
  for (size_t length = 0; length < 16; ++length) {
    StatePart part = SomePart();
    part.texts["label"] = std::string(length, 'x');
    EXPECT_EQ(EncodeStatePart(part).size() % 8, 0u);
    EXPECT_THAT(DecodeStatePart(EncodeStatePart(part)), IsOk());
  }
}

TEST(StatePart, PaddingThatIsNotZeroIsRefused) {
  Bytes bytes = EncodeStatePart(SomePart());
  bytes[bytes.size() - 9] = std::byte{1};  // the 4 bytes after model.bias
  EXPECT_THAT(DecodeStatePart(bytes), HasCode(ErrorCode::kStateCorrupt));
}

TEST(StatePart, KeysOutOfOrderAreRefused) {
  StatePart part;
  part.texts = {{"a", "1"}, {"b", "2"}};
  Bytes bytes = EncodeStatePart(part);
  const std::string text(AsText(bytes));
  std::swap(bytes[text.find("a\1\0\0\0001", 0, 6)], bytes[text.find("b\1\0\0\0002", 0, 6)]);
  EXPECT_THAT(DecodeStatePart(bytes), HasCode(ErrorCode::kStateCorrupt));
}

TEST(StatePart, NeverAllocatesWhatALayoutAnnouncesButTheBytesDoNotHold) {
  StatePart part;
  part.tensors = tensor::Bundle(*tensor::Layout::Create({{"w", {1}}}));
  Bytes bytes = EncodeStatePart(part);
  // The extent of "w" becomes 2^31: 8 GiB that are not there.
  const size_t extent = std::string(AsText(bytes)).find('w') - 8;
  bytes[extent + 3] = std::byte{0x80};
  const absl::Status status = DecodeStatePart(bytes).status();
  EXPECT_THAT(status, HasCode(ErrorCode::kStateCorrupt));
  EXPECT_THAT(std::string(status.message()), HasSubstr("8 bytes of tensors"));
}

TEST(StatePart, TooManyTextsAreRefused) {
  Bytes bytes = EncodeStatePart(SomePart());
  bytes[16] = std::byte{kMaxStateTexts + 1};
  const absl::Status status = DecodeStatePart(bytes).status();
  EXPECT_THAT(status, HasCode(ErrorCode::kStateCorrupt));
  EXPECT_THAT(std::string(status.message()), HasSubstr("want at most 64"));
}

TEST(StatePart, NewerVersionsOfItOrItsLayoutAreNamed) {
  Bytes bytes = EncodeStatePart(SomePart());
  bytes[8] = std::byte{2};
  EXPECT_THAT(DecodeStatePart(bytes), HasCode(ErrorCode::kFormatVersion));
  bytes[8] = std::byte{1};
  bytes[20 + 8] = std::byte{2};
  EXPECT_THAT(DecodeStatePart(bytes), HasCode(ErrorCode::kFormatVersion));
}

TEST(Manifest, ReadsBackWhatItWrote) {
  EXPECT_THAT(DecodeManifest(EncodeManifest(SomeManifest())), IsOkAndHolds(SomeManifest()));
  EXPECT_EQ(EncodeManifest(SomeManifest()).size(), kManifestBytes);
}

TEST(Manifest, SurvivesEveryCutAndChange) {
  ExpectStrict(ReencodeManifest, EncodeManifest(SomeManifest()));
}

TEST(Manifest, EveryFlippedBitIsRefused) {
  Bytes bytes = EncodeManifest(SomeManifest());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const std::byte mask = std::byte{1} << (bit % 8);
    bytes[bit / 8] ^= mask;
    ASSERT_FALSE(DecodeManifest(bytes).ok()) << "bit " << bit;
    bytes[bit / 8] ^= mask;
  }
}

TEST(Manifest, TheDigestNamesBothParts) {
  Manifest manifest = SomeManifest();
  const Digest digest = DigestOf(manifest);
  manifest.private_part.bytes += 1;
  EXPECT_NE(DigestOf(manifest), digest);
  EXPECT_EQ(DigestOf(SomeManifest()), digest);
}

TEST(Manifest, ANewerVersionIsNamed) {
  Bytes bytes = EncodeManifest(SomeManifest());
  bytes[8] = std::byte{2};
  EXPECT_THAT(DecodeManifest(bytes), HasCode(ErrorCode::kFormatVersion));
}

}  // namespace
}  // namespace consilium::wire
