#include "common/base/inflate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace consilium {
namespace {

using testing::HasCode;
using testing::IsOk;

// "hello hello hello", by gzip.
std::string SmallGzip() {
  static constexpr unsigned char kFile[] = {0x1f, 0x8b, 8,    0,    0,    0,    0,    0,    2,    3,
                                            0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0,
                                            0x80, 0x88, 0xf9, 0xe5, 0x11, 0,    0,    0};
  return {reinterpret_cast<const char*>(kFile), sizeof kFile};
}

TEST(Inflate, GzipIsUnpackedMemberByMember) {
  const std::string twice = SmallGzip() + SmallGzip();
  ASSERT_OK_AND_ASSIGN(const Bytes bytes, InflateGzip(AsBytes(twice), "f"));
  EXPECT_EQ(AsText(bytes), "hello hello hellohello hello hello");
}

TEST(Inflate, DamageIsFoundAndTheBoundHolds) {
  for (size_t length = 1; length < SmallGzip().size(); ++length) {
    EXPECT_THAT(InflateGzip(AsBytes(SmallGzip().substr(0, length)), "f"),
                HasCode(ErrorCode::kDataSyntax))
        << length;
  }
  std::string damaged = SmallGzip();
  damaged[20] = static_cast<char>(damaged[20] ^ 1);  // of its checksum
  EXPECT_THAT(InflateGzip(AsBytes(damaged), "f"), HasCode(ErrorCode::kDataSyntax));
  EXPECT_THAT(InflateGzip(AsBytes(SmallGzip() + "x"), "f"), HasCode(ErrorCode::kDataSyntax));
  EXPECT_THAT(InflateGzip(AsBytes(SmallGzip()), "f", 16), HasCode(ErrorCode::kDataTooLarge));
  EXPECT_THAT(InflateGzip(AsBytes(SmallGzip()), "f", 17), IsOk());
  EXPECT_THAT(InflateRaw(AsBytes(SmallGzip()), uint64_t{1} << 31, "f"),
              HasCode(ErrorCode::kDataSyntax));
}

TEST(BytesReader, ReadsWithinItsBytes) {
  const BytesReader reader(Bytes(4, std::byte{7}));
  Bytes out(3);
  EXPECT_THAT(reader.ReadAt(1, out), IsOk());
  EXPECT_EQ(out[2], std::byte{7});
  EXPECT_THAT(reader.ReadAt(2, out), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(reader.ReadAt(UINT64_MAX, out), HasCode(ErrorCode::kStorageIo));
}

}  // namespace
}  // namespace consilium
