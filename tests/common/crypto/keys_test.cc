#include "common/crypto/keys.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::crypto {
namespace {

using testing::HasCode;
using testing::IsOk;

Secret TextSecret(std::string_view text) { return Secret::CopyOf(AsBytes(text)); }

TEST(Keys, ASignatureHoldsForItsMessageAndKeyOnly) {
  const PrivateKey key = PrivateKey::Generate(KeyKind::kSigning);
  const PrivateKey other = PrivateKey::Generate(KeyKind::kSigning);
  Signature signature = key.Sign(AsBytes("a job"));
  EXPECT_TRUE(key.public_key().Verify(AsBytes("a job"), signature));
  EXPECT_FALSE(key.public_key().Verify(AsBytes("a jab"), signature));
  EXPECT_FALSE(other.public_key().Verify(AsBytes("a job"), signature));
  EXPECT_FALSE(key.public_key().Verify(AsBytes("a job"), ByteSpan(signature).first(63)));
  EXPECT_FALSE(key.public_key().Verify(AsBytes("a job"), {}));
  signature[10] ^= std::byte{1};
  EXPECT_FALSE(key.public_key().Verify(AsBytes("a job"), signature));
}

TEST(Keys, AnEmptyMessageCanBeSigned) {
  const PrivateKey key = PrivateKey::Generate(KeyKind::kSigning);
  EXPECT_TRUE(key.public_key().Verify({}, key.Sign({})));
}

// RFC 8032, section 7.1, test 2: one known key, message and signature.
TEST(Keys, SignsAsTheStandardsExample) {
  constexpr std::string_view kPem =
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
      "-----END PRIVATE KEY-----\n";
  ASSERT_OK_AND_ASSIGN(const PrivateKey key, PrivateKey::FromPem(TextSecret(kPem), "example"));
  const Signature signature = key.Sign(AsBytes("r"));  // the one byte 0x72
  std::string hex;
  for (const std::byte byte : signature) {
    char two[3];
    snprintf(two, sizeof two, "%02x", std::to_integer<unsigned>(byte));
    hex += two;
  }
  EXPECT_EQ(hex,
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Keys, PemGoesThereAndBack) {
  for (const KeyKind kind : {KeyKind::kTls, KeyKind::kSigning}) {
    const PrivateKey key = PrivateKey::Generate(kind);
    ASSERT_OK_AND_ASSIGN(const PrivateKey again, PrivateKey::FromPem(key.ToPem(), "again"));
    EXPECT_EQ(again.kind(), kind);
    EXPECT_EQ(again.public_key(), key.public_key());
    ASSERT_OK_AND_ASSIGN(const PublicKey half,
                         PublicKey::FromPem(key.public_key().ToPem(), "half"));
    EXPECT_EQ(half, key.public_key());
    EXPECT_EQ(half.Id(), key.public_key().Id());
    EXPECT_EQ(half.kind(), kind);
  }
}

TEST(Keys, TwoKeysAreNeverTheSame) {
  const PublicKey a = PrivateKey::Generate(KeyKind::kTls).public_key();
  const PublicKey b = PrivateKey::Generate(KeyKind::kTls).public_key();
  EXPECT_FALSE(a == b);
  EXPECT_NE(a.Id(), b.Id());
}

TEST(Keys, RubbishIsNotAKey) {
  EXPECT_THAT(PrivateKey::FromPem(TextSecret("rubbish"), "key.pem"),
              HasCode(ErrorCode::kKeyUnreadable));
  EXPECT_THAT(PrivateKey::FromPem(Secret(), "key.pem"), HasCode(ErrorCode::kKeyUnreadable));
  EXPECT_THAT(PublicKey::FromPem("rubbish", "key.pub"), HasCode(ErrorCode::kBadCertificate));
}

// secp384r1, made for this test: a fine key, but not of a kind that the profile allows.
TEST(Keys, AnotherCurveIsRefused) {
  constexpr std::string_view kPem =
      "-----BEGIN PUBLIC KEY-----\n"
      "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEmLBvogBJJPo6rRnrBm37lqO5kfdVh+X9\n"
      "9p3xcF4PubVQCx6VfO0rmXFEzNCeE+Kozn2kn2Uwd22edDDtiph1dcMPaQdOaCeF\n"
      "xm6I9NNCt098VvdoMdfYJJ6dXHdxMfR+\n"
      "-----END PUBLIC KEY-----\n";
  EXPECT_THAT(PublicKey::FromPem(kPem, "key.pub"), HasCode(ErrorCode::kBadCertificate));
}

// The standard's example key again, under the passphrase "x".
TEST(Keys, AKeyWithAPassphraseIsRefusedWithoutAsking) {
  constexpr std::string_view kPem =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
      "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgn6D/ESZG/2QICCAAw\n"
      "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEFGdpSyp9C5JuURqrf3ZUysEQAAw\n"
      "Wyq7kdTRgYN9KQuZsVIs/h7fHGxONPSSyohoYYgwOT4QvDekQChx7uU0zK+xsiNT\n"
      "2vDaEjW6LU6YVuDGNmc=\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  const auto key = PrivateKey::FromPem(TextSecret(kPem), "key.pem");
  ASSERT_THAT(key, HasCode(ErrorCode::kKeyUnreadable));
  EXPECT_THAT(FormatError(key.status()), ::testing::HasSubstr("passphrase is not supported"));
}

TEST(Keys, WriteAndReadKeepTheKey) {
  const testing::TempFolder folder;
  const PrivateKey key = PrivateKey::Generate(KeyKind::kTls);
  EXPECT_THAT(key.Write(folder.PathOf("key.pem")), IsOk());
  ASSERT_OK_AND_ASSIGN(const PrivateKey again, PrivateKey::Read(folder.PathOf("key.pem")));
  EXPECT_EQ(again.public_key(), key.public_key());
}

TEST(Secret, CannotBeCopied) {
  EXPECT_FALSE(std::is_copy_constructible_v<Secret>);
  EXPECT_FALSE(std::is_copy_assignable_v<Secret>);
}

TEST(Secret, MovingLeavesNothingBehind) {
  Secret first = TextSecret("key");
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.ExposeText(), "key");
  Secret third = TextSecret("other");
  third = std::move(second);
  EXPECT_EQ(third.ExposeText(), "key");
}

TEST(Secret, LargerThanTheLockedHeapStillWorks) {
  Secret large(4 * kSecureHeapBytes);
  large.ExposeMutable().back() = std::byte{7};
  EXPECT_EQ(large.Expose().front(), std::byte{0});
  EXPECT_EQ(large.Expose().back(), std::byte{7});
}

}  // namespace
}  // namespace consilium::crypto
