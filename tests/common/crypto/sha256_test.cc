#include "common/crypto/sha256.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace consilium::crypto {
namespace {

// The known answers are those of FIPS 180-4's example values.
TEST(Sha256, MatchesTheStandardsExamples) {
  EXPECT_EQ(HexOf(Sha256Of({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HexOf(Sha256Of(AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexOf(Sha256Of(AsBytes(std::string(1'000'000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheSameDigestAsTheWhole) {
  const std::string text(10'000, 'x');
  Sha256 hash;
  for (size_t at = 0; at < text.size(); at += 777) hash.Update(AsBytes(text.substr(at, 777)));
  EXPECT_EQ(hash.Current(), Sha256Of(AsBytes(text)));
}

TEST(Sha256, CurrentDoesNotEndTheHash) {
  Sha256 hash;
  hash.Update(AsBytes("a"));
  EXPECT_EQ(hash.Current(), Sha256Of(AsBytes("a")));
  hash.Update(AsBytes("bc"));
  EXPECT_EQ(hash.Current(), Sha256Of(AsBytes("abc")));
}

TEST(Sha256, ACopyIsAFork) {
  Sha256 first;
  first.Update(AsBytes("ab"));
  Sha256 second = first;
  first.Update(AsBytes("c"));
  second.Update(AsBytes("d"));
  EXPECT_EQ(first.Current(), Sha256Of(AsBytes("abc")));
  EXPECT_EQ(second.Current(), Sha256Of(AsBytes("abd")));
  second = first;
  EXPECT_EQ(second.Current(), Sha256Of(AsBytes("abc")));
}

TEST(DeriveKey, NoTwoListsOfPartsCollide) {
  const auto key = [](std::string_view tag, const std::vector<std::string>& texts) {
    std::vector<ByteSpan> parts;
    parts.reserve(texts.size());
    for (const std::string& text : texts) parts.push_back(AsBytes(text));
    return DeriveKey(tag, parts);
  };
  const std::set<Digest> keys = {key("t", {}),         key("t", {""}),       key("t", {"ab"}),
                                 key("t", {"a", "b"}), key("t", {"", "ab"}), key("ta", {"b"}),
                                 key("t", {"ab", ""}), key("", {"t", "ab"})};
  EXPECT_EQ(keys.size(), 8u);
  EXPECT_EQ(key("t", {"a", "b"}), key("t", {"a", "b"}));
}

TEST(DeriveKey, IsThePlainHashOfLengthsAndBytes) {
  Bytes expected;
  ByteWriter writer(expected);
  writer.Put<uint64_t>(3);
  writer.PutBytes(AsBytes("tag"));
  writer.Put<uint64_t>(2);
  writer.PutBytes(AsBytes("ab"));
  const std::array<ByteSpan, 1> parts = {AsBytes("ab")};
  EXPECT_EQ(DeriveKey("tag", parts), Sha256Of(expected));
}

TEST(FillRandom, FillsEveryByteAndNeverRepeats) {
  std::array<std::byte, 32> first{};
  std::array<std::byte, 32> second{};
  FillRandom(first);
  FillRandom(second);
  EXPECT_NE(first, second);
  EXPECT_NE(first, (std::array<std::byte, 32>{}));
  FillRandom({});  // nothing to fill is fine
}

}  // namespace
}  // namespace consilium::crypto
