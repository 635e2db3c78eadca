#include "common/pki/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/common/pki/test_federation.h"
#include "tests/support/status_matchers.h"

namespace consilium::pki {
namespace {

using ::testing::AllOf;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::OddLeaf;
using testing::ShiftedClock;
using testing::TestFederation;

class TlsFilesTest : public ::testing::Test {
 protected:
  absl::Status Load(const TlsFiles& files) {
    return LoadTlsFiles(files, federation_.clock()).status();
  }
  absl::Status LoadOdd(const OddLeaf& leaf) { return Load(federation_.IssueOdd(leaf)); }
  TestFederation federation_;
};

TEST_F(TlsFilesTest, OfEveryRoleLoad) {
  for (const Role role :
       {Role::kServer, Role::kSite, Role::kResearcher, Role::kOperator, Role::kAuditor}) {
    ASSERT_OK_AND_ASSIGN(const TlsMaterial material,
                         LoadTlsFiles(federation_.Issue(role, "x"), federation_.clock()));
    EXPECT_EQ(material.identity, (Identity{"heart", role, "x"}));
    EXPECT_GT(material.not_after, federation_.clock().UtcNow());
  }
}

TEST_F(TlsFilesTest, ThatAreAbsentAreNamed) {
  const TlsFiles good = federation_.Issue(Role::kSite, "a");
  TlsFiles files = good;
  files.cert = federation_.folder().PathOf("none.pem");
  EXPECT_THAT(Load(files), HasCode(ErrorCode::kFileNotFound));
  EXPECT_THAT(FormatError(Load(files)), HasSubstr(files.cert));
  files = good;
  files.ca = federation_.folder().PathOf("none.pem");
  EXPECT_THAT(Load(files), HasCode(ErrorCode::kFileNotFound));
  files = good;
  files.key = federation_.folder().PathOf("none.pem");
  EXPECT_THAT(Load(files), HasCode(ErrorCode::kKeyUnreadable));
}

TEST_F(TlsFilesTest, AKeyThatTheWorldCanReadIsRefused) {
  const TlsFiles files = federation_.Issue(Role::kSite, "a");
  chmod(files.key.c_str(), 0644);
  EXPECT_THAT(Load(files), HasCode(ErrorCode::kKeyTooOpen));
}

TEST_F(TlsFilesTest, TheKeyOfAnotherCertificateIsRefused) {
  TlsFiles files = federation_.Issue(Role::kSite, "a");
  files.key = federation_.Issue(Role::kSite, "b").key;
  EXPECT_THAT(Load(files), HasCode(ErrorCode::kKeyUnreadable));
  EXPECT_THAT(FormatError(Load(files)), HasSubstr("does not belong to the certificate"));
}

TEST_F(TlsFilesTest, ASigningKeyIsNotATlsKey) {
  TlsFiles files = federation_.Issue(Role::kSite, "a");
  files.key = files.key.substr(0, files.key.rfind('/')) + "/signing_key.pem";
  EXPECT_THAT(Load(files), HasCode(ErrorCode::kKeyUnreadable));
}

TEST_F(TlsFilesTest, AnotherAuthorityIsRefused) {
  TestFederation other("heart");
  TlsFiles files = federation_.Issue(Role::kSite, "a");
  files.ca = other.Issue(Role::kSite, "a").ca;
  EXPECT_THAT(Load(files), HasCode(ErrorCode::kBadCertificate));
  EXPECT_THAT(FormatError(Load(files)), HasSubstr("was not issued by the authority in"));
}

TEST_F(TlsFilesTest, TwoAuthoritiesInOneFileServeARotation) {
  TestFederation other("heart");
  const TlsFiles old_files = federation_.Issue(Role::kSite, "a");
  const TlsFiles new_files = other.Issue(Role::kSite, "a");
  const std::string both = federation_.folder().Write(
      "both.pem", federation_.authority().CertificatePem() + other.authority().CertificatePem());
  EXPECT_THAT(Load({old_files.cert, old_files.key, both}), IsOk());
  EXPECT_THAT(Load({new_files.cert, new_files.key, both}), IsOk());
}

TEST_F(TlsFilesTest, AnExpiredCertificateSaysWhenAndWhatToDo) {
  const TlsFiles files = federation_.Issue(Role::kSite, "a");
  const ShiftedClock later(std::chrono::hours(24) * (kDefaultLeafDays + 1));
  const auto material = LoadTlsFiles(files, later);
  ASSERT_THAT(material, HasCode(ErrorCode::kCertificateExpired));
  ASSERT_OK_AND_ASSIGN(const auto facts, ShowCertificate(files.cert));
  EXPECT_THAT(FormatError(material.status()),
              AllOf(HasSubstr("expired on " + FormatUtc(facts.not_after)),
                    HasSubstr("consilium pki issue")));
}

TEST_F(TlsFilesTest, ACertificateOfTheFutureSpeaksOfTheClock) {
  const TlsFiles files = federation_.Issue(Role::kSite, "a");
  const auto material = LoadTlsFiles(files, ShiftedClock(-std::chrono::hours(1)));
  ASSERT_THAT(material, HasCode(ErrorCode::kCertificateExpired));
  EXPECT_THAT(FormatError(material.status()), HasSubstr("check this machine's clock"));
  // Clocks may differ by five minutes.
  EXPECT_THAT(LoadTlsFiles(files, ShiftedClock(-std::chrono::minutes(4))), IsOk());
}

TEST_F(TlsFilesTest, OtherThanOneUriNameIsRefused) {
  for (const OddLeaf& leaf :
       {OddLeaf{}, OddLeaf{.uris = {"spiffe://heart/site/a", "spiffe://heart/site/b"}}}) {
    EXPECT_THAT(LoadOdd(leaf), HasCode(ErrorCode::kBadCertificate));
    EXPECT_THAT(FormatError(LoadOdd(leaf)), HasSubstr("want exactly one"));
  }
}

TEST_F(TlsFilesTest, AnUnknownRoleIsRefused) {
  EXPECT_THAT(LoadOdd({.uris = {"spiffe://heart/janitor/bob"}}),
              HasCode(ErrorCode::kBadCertificate));
  EXPECT_THAT(LoadOdd({.uris = {"https://heart.org"}}), HasCode(ErrorCode::kBadCertificate));
}

TEST_F(TlsFilesTest, TheKeyUsageMustFitTheRole) {
  EXPECT_THAT(LoadOdd({.uris = {"spiffe://heart/site/a"}, .for_server = true}),
              HasCode(ErrorCode::kBadCertificate));
  EXPECT_THAT(LoadOdd({.uris = {"spiffe://heart/server/a"}, .for_server = false}),
              HasCode(ErrorCode::kBadCertificate));
}

TEST_F(TlsFilesTest, AFileThatIsTooLargeIsNotRead) {
  TlsFiles files = federation_.Issue(Role::kSite, "a");
  files.ca =
      federation_.folder().Write("large.pem", std::string(kMaxCertificateFileBytes + 1, 'x'));
  EXPECT_THAT(Load(files), HasCode(ErrorCode::kFileTooLarge));
}

}  // namespace
}  // namespace consilium::pki
