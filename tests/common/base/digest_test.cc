#include "common/base/digest.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace consilium {
namespace {

const std::string kHex = "00ff102030405060708090a0b0c0d0e0f00112233445566778899aabbccddeef";

TEST(Digest, HexIsReadBackWithAndWithoutPrefix) {
  const auto digest = ParseDigest(kHex);
  ASSERT_TRUE(digest.has_value());
  EXPECT_EQ(digest->bytes[1], 0xff);
  EXPECT_EQ(HexOf(*digest), kHex);
  EXPECT_EQ(ParseDigest("sha256:" + kHex), digest);
}

TEST(Digest, OtherTextIsRefused) {
  for (const std::string& text : {std::string(), kHex.substr(1), kHex + "0", "SHA256:" + kHex,
                                  "z" + kHex.substr(1), std::string(64, 'A')}) {
    EXPECT_EQ(ParseDigest(text), std::nullopt) << text;
  }
}

TEST(Digest, CanBeAKey) {
  const std::unordered_set<Digest> digests = {Digest{}, *ParseDigest(kHex), Digest{}};
  EXPECT_EQ(digests.size(), 2u);
  EXPECT_TRUE(Digest{}.IsZero());
  EXPECT_FALSE(ParseDigest(kHex)->IsZero());
}

}  // namespace
}  // namespace consilium
