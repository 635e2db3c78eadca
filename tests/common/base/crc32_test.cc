#include "common/base/crc32.h"

#include <gtest/gtest.h>

namespace consilium {
namespace {

TEST(Crc32, IsTheOneOfZlib) {
  EXPECT_EQ(Crc32Of(AsBytes("123456789")), 0xCBF43926u);  // the check value of every catalogue
  EXPECT_EQ(Crc32Of(ByteSpan()), 0u);
}

TEST(Crc32, GoesOnWhereItStopped) {
  const Bytes bytes(100'000, std::byte{0xA5});
  const uint32_t whole = Crc32Of(bytes);
  for (const size_t cut : {0u, 1u, 63u, 4097u, 100'000u}) {
    EXPECT_EQ(Crc32Of(ByteSpan(bytes).subspan(cut), Crc32Of(ByteSpan(bytes).first(cut))), whole);
  }
}

}  // namespace
}  // namespace consilium
