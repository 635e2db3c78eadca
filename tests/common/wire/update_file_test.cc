#include "common/wire/update_file.h"

#include <string>

#include "common/base/crc32.h"
#include "common/sum/exact_sum.h"
#include "common/wire/format.h"
#include "tests/common/wire/mutations.h"
#include "tests/common/wire/samples.h"
#include "tests/support/status_matchers.h"

namespace consilium::wire {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::HasSubstr;

UpdateHeader SomeHeader() {
  UpdateHeader header;
  header.key = {SomeJob(), StepNumber(7), SiteId("hospital-a")};
  header.base_state = DigestOfByte(1);
  header.layout = DigestOfByte(2);
  header.weight = 303;
  header.support = {303, 303, 101};
  header.payload_bytes = 48;
  return header;
}

UpdateHeader OfKernel(std::string kernel) {
  UpdateHeader header = SomeHeader();
  header.kernel = std::move(kernel);
  return header;
}

std::optional<Bytes> ReencodeUpdate(ByteSpan bytes) {
  const absl::StatusOr<ParsedUpdateHeader> parsed = ParseUpdateHeader(bytes);
  if (!parsed.ok() || parsed->header_bytes != bytes.size()) return std::nullopt;
  return EncodeUpdateHeader(parsed->header);
}

// `bytes` with the checksum of its header made right again.
Bytes Resealed(Bytes bytes) {
  const uint32_t crc = Crc32Of(ByteSpan(bytes).first(bytes.size() - 4));
  std::memcpy(bytes.data() + bytes.size() - 4, &crc, sizeof crc);
  return bytes;
}

TEST(UpdateFile, ReadsBackWhatItWrote) {
  // Every length of names: the padding takes every length too.
  for (size_t length = 1; length <= 64; ++length) {
    UpdateHeader header = SomeHeader();
    header.key.site = SiteId(std::string(length, 's'));
    Bytes bytes = EncodeUpdateHeader(header);
    const size_t header_bytes = bytes.size();
    bytes.resize(bytes.size() + 48, std::byte{0xaa});  // a payload follows
    ASSERT_OK_AND_ASSIGN(const ParsedUpdateHeader parsed, ParseUpdateHeader(bytes));
    EXPECT_EQ(parsed.header, header);
    EXPECT_EQ(parsed.header_bytes, header_bytes);
    EXPECT_EQ(header_bytes % 8, 0u);
  }
}

TEST(UpdateFile, SurvivesEveryCutAndChange) {
  ExpectStrict(ReencodeUpdate, EncodeUpdateHeader(SomeHeader()));
  ExpectStrict(ReencodeUpdate, EncodeUpdateHeader(OfKernel("eigen-1")));
}

TEST(UpdateFile, NamesTheKernelInVersionTwo) {
  for (size_t length = 1; length <= 64; ++length) {
    const UpdateHeader header = OfKernel(std::string(length, 'k'));
    const Bytes bytes = EncodeUpdateHeader(header);
    EXPECT_EQ(bytes[8], std::byte{2});
    ASSERT_OK_AND_ASSIGN(const ParsedUpdateHeader parsed, ParseUpdateHeader(bytes));
    EXPECT_EQ(parsed.header, header);
  }
}

TEST(UpdateFile, WithoutAKernelIsOfVersionOne) {
  const Bytes bytes = EncodeUpdateHeader(SomeHeader());
  EXPECT_EQ(bytes[8], std::byte{1});
  Bytes newer = bytes;  // the same fields, then padding where the kernel's length would be
  newer[8] = std::byte{2};
  EXPECT_THAT(ParseUpdateHeader(Resealed(newer)), HasCode(ErrorCode::kProtocol));
  Bytes older = EncodeUpdateHeader(OfKernel("eigen-1"));
  older[8] = std::byte{1};
  EXPECT_THAT(ParseUpdateHeader(Resealed(older)), HasCode(ErrorCode::kProtocol));
}

TEST(UpdateFile, AKernelThatIsNoNameIsRefused) {
  Bytes bytes = EncodeUpdateHeader(OfKernel("eigen-1"));
  const std::string text(AsText(bytes));
  bytes[text.find("eigen-1")] = std::byte{'E'};
  const absl::Status status = ParseUpdateHeader(Resealed(bytes)).status();
  EXPECT_THAT(status, HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(std::string(status.message()), HasSubstr("kernel is not a name"));
}

TEST(UpdateFile, SurvivesEveryChangeUnderARightChecksum) {
  const Bytes valid = EncodeUpdateHeader(SomeHeader());
  Random random(1);
  size_t accepted = 0;
  for (int tries = 0; tries < 4000; ++tries) {
    Bytes changed = valid;
    changed[random.Below(static_cast<uint32_t>(valid.size() - 4))] =
        static_cast<std::byte>(random.Below(256));
    changed = Resealed(std::move(changed));
    const absl::StatusOr<ParsedUpdateHeader> parsed = ParseUpdateHeader(changed);
    if (!parsed.ok()) continue;
    ASSERT_EQ(EncodeUpdateHeader(parsed->header), changed);
    ++accepted;
  }
  EXPECT_GT(accepted, 100u);  // digests and numbers may be anything
}

TEST(UpdateFile, AHeaderOfTheMostTensorsFitsItsLimit) {
  UpdateHeader header = SomeHeader();
  header.key.site = SiteId(std::string(64, 's'));
  header.support.assign(tensor::kMaxTensors, 1);
  header.kernel = std::string(64, 'k');
  const Bytes bytes = EncodeUpdateHeader(header);
  EXPECT_LE(bytes.size(), kMaxUpdateHeaderBytes);
  EXPECT_THAT(ParseUpdateHeader(bytes), IsOk());
}

TEST(UpdateFile, MalformedFieldsAreNamed) {
  struct Case {
    size_t at;
    uint8_t value;
    const char* message;
  };
  const Case cases[] = {
      {80, 1, "multiple of 8"},     // payload_bytes
      {88, 0, "step is 0"},         // step 7 -> 0
      {99, 0xff, "want 1 to"},      // weight
      {104, 'X', "16 hex digits"},  // first digit of the job id
      {124, '.', "not a name"},     // first letter of the site
  };
  for (const Case& c : cases) {
    Bytes bytes = EncodeUpdateHeader(SomeHeader());
    bytes[c.at] = static_cast<std::byte>(c.value);
    const absl::Status status = ParseUpdateHeader(Resealed(bytes)).status();
    EXPECT_THAT(status, HasCode(ErrorCode::kProtocol)) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
  }
}

TEST(UpdateFile, AWrongChecksumIsNamed) {
  Bytes bytes = EncodeUpdateHeader(SomeHeader());
  bytes[20] ^= std::byte{1};
  const absl::Status status = ParseUpdateHeader(bytes).status();
  EXPECT_THAT(status, HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(std::string(status.message()), HasSubstr("checksum"));
}

TEST(UpdateFile, ANewerVersionIsNamedWithBothNumbers) {
  Bytes bytes = EncodeUpdateHeader(SomeHeader());
  bytes[8] = std::byte{3};
  const absl::Status status = ParseUpdateHeader(Resealed(bytes)).status();
  EXPECT_THAT(status, HasCode(ErrorCode::kFormatVersion));
  EXPECT_THAT(std::string(status.message()), HasSubstr("version 3"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("up to 2"));
}

TEST(UpdateFile, TheLargestWeightIsTheSumsLargest) {
  UpdateHeader header = SomeHeader();
  header.weight = sum::kMaxWeight;
  const Bytes bytes = EncodeUpdateHeader(header);
  EXPECT_THAT(ParseUpdateHeader(bytes), IsOk());
  Bytes more = bytes;
  more[96] = std::byte{1};
  EXPECT_THAT(ParseUpdateHeader(Resealed(more)), HasCode(ErrorCode::kProtocol));
}

}  // namespace
}  // namespace consilium::wire
