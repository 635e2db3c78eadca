#include "common/pki/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/crypto/certificate.h"
#include "tests/common/pki/test_federation.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::pki {
namespace {

using ::testing::ElementsAre;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::ShiftedClock;
using testing::TempFolder;
using testing::TestFederation;

constexpr UtcMillis kDayMs = UtcMillis{24} * 3600 * 1000;

mode_t ModeOf(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

IssueSpec SiteSpec(const std::string& id) {
  IssueSpec spec;
  spec.role = Role::kSite;
  spec.id = id;
  return spec;
}

TEST(Authority, IsThereAgainWhenOpened) {
  const TempFolder folder;
  const SystemClock clock;
  const std::string path = folder.PathOf("pki/heart");  // parents are made
  ASSERT_OK_AND_ASSIGN(const auto made, Authority::Create(path, "heart", clock));
  ASSERT_OK_AND_ASSIGN(const auto opened, Authority::Open(path, clock));
  EXPECT_EQ(opened->federation(), "heart");
  EXPECT_EQ(opened->CertificatePem(), made->CertificatePem());
  EXPECT_EQ(ModeOf(path + "/authority_key.pem"), 0600u);
  ASSERT_OK_AND_ASSIGN(const auto facts, ShowCertificate(path + "/authority.pem"));
  EXPECT_TRUE(facts.is_authority);
  EXPECT_THAT(facts.uris, ElementsAre("spiffe://heart"));
}

TEST(Authority, IsNeverReplaced) {
  TestFederation federation;
  const std::string path = federation.folder().PathOf("authority");
  const std::string before = federation.authority().CertificatePem();
  EXPECT_THAT(Authority::Create(path, "lung", federation.clock()),
              HasCode(ErrorCode::kAuthorityExists));
  EXPECT_EQ(testing::ReadTextFile(path + "/authority.pem"), before);
}

TEST(Authority, NeedsANameForItsFederation) {
  const TempFolder folder;
  const SystemClock clock;
  for (const char* name : {"", "Heart", "a b", "-x", "a/b"}) {
    EXPECT_THAT(Authority::Create(folder.PathOf("x"), name, clock),
                HasCode(ErrorCode::kBadIdentity))
        << name;
  }
  EXPECT_FALSE(std::filesystem::exists(folder.PathOf("x")));
}

TEST(Authority, ThatIsAbsentSaysHowToMakeOne) {
  const TempFolder folder;
  const auto opened = Authority::Open(folder.PathOf("none"), SystemClock());
  ASSERT_THAT(opened, HasCode(ErrorCode::kFileNotFound));
  EXPECT_THAT(FormatError(opened.status()), HasSubstr("consilium pki init"));
}

TEST(Authority, WithAKeyThatOthersCanReadIsNotOpened) {
  TestFederation federation;
  const std::string path = federation.folder().PathOf("authority");
  chmod((path + "/authority_key.pem").c_str(), 0644);
  EXPECT_THAT(Authority::Open(path, federation.clock()), HasCode(ErrorCode::kKeyTooOpen));
}

TEST(Authority, WithTheKeyOfAnotherIsNotOpened) {
  TestFederation federation;
  TestFederation other;
  const std::string path = federation.folder().PathOf("authority");
  std::filesystem::copy_file(other.folder().PathOf("authority/authority_key.pem"),
                             path + "/authority_key.pem",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(Authority::Open(path, federation.clock()), HasCode(ErrorCode::kBadCertificate));
}

TEST(Authority, ThatExpiredIsNotOpened) {
  TestFederation federation;
  const ShiftedClock later(std::chrono::hours(24) * (kAuthorityDays + 1));
  EXPECT_THAT(Authority::Open(federation.folder().PathOf("authority"), later),
              HasCode(ErrorCode::kCertificateExpired));
}

TEST(Authority, ALeafCannotServeAsOne) {
  TestFederation federation;
  const TlsFiles site = federation.Issue(Role::kSite, "a");
  const TempFolder folder;
  std::filesystem::copy_file(site.cert, folder.PathOf("authority.pem"));
  std::filesystem::copy_file(site.key, folder.PathOf("authority_key.pem"));
  EXPECT_THAT(Authority::Open(folder.path(), federation.clock()),
              HasCode(ErrorCode::kBadCertificate));
}

TEST(Issue, WritesEverythingThatAProcessNeeds) {
  TestFederation federation;
  ASSERT_OK_AND_ASSIGN(const Issued issued, federation.authority().Issue(SiteSpec("charite")));
  EXPECT_EQ(issued.folder, federation.folder().PathOf("authority/issued/site-charite"));
  EXPECT_EQ(issued.identity.ToUri(), "spiffe://heart/site/charite");
  ASSERT_OK_AND_ASSIGN(const TlsMaterial material, LoadTlsFiles(issued.tls, federation.clock()));
  EXPECT_EQ(material.identity, issued.identity);
  EXPECT_EQ(ModeOf(issued.tls.key), 0600u);
  EXPECT_EQ(ModeOf(issued.signing_key), 0600u);
  EXPECT_EQ(ModeOf(issued.folder), 0700u);
  ASSERT_OK_AND_ASSIGN(const auto signing, crypto::PrivateKey::Read(issued.signing_key));
  ASSERT_OK_AND_ASSIGN(const auto half, crypto::PublicKey::FromPem(
                                            testing::ReadTextFile(issued.signing_public_key), ""));
  EXPECT_EQ(signing.kind(), crypto::KeyKind::kSigning);
  EXPECT_EQ(half, signing.public_key());
  ASSERT_OK_AND_ASSIGN(const CertificateFacts facts, ShowCertificate(issued.tls.cert));
  EXPECT_EQ(facts.fingerprint, issued.fingerprint);
  EXPECT_THAT(facts.uris, ElementsAre("spiffe://heart/site/charite"));
  EXPECT_FALSE(std::filesystem::exists(issued.folder + ".new"));
}

TEST(Issue, TheSameIdentityTwiceIsRefused) {
  TestFederation federation;
  ASSERT_OK_AND_ASSIGN(const Issued issued, federation.authority().Issue(SiteSpec("a")));
  const std::string before = testing::ReadTextFile(issued.tls.key);
  EXPECT_THAT(federation.authority().Issue(SiteSpec("a")), HasCode(ErrorCode::kFileExists));
  EXPECT_EQ(testing::ReadTextFile(issued.tls.key), before);
}

TEST(Issue, WhatAKilledRunLeftIsInNobodysWay) {
  TestFederation federation;
  const std::string half = federation.folder().PathOf("authority/issued/site-a.new");
  std::filesystem::create_directories(half);
  federation.folder().Write("authority/issued/site-a.new/key.pem", "half a key");
  EXPECT_THAT(federation.authority().Issue(SiteSpec("a")), IsOk());
}

TEST(Issue, BadSpecsAreRefused) {
  TestFederation federation;
  const auto issue = [&federation](const IssueSpec& spec) {
    return federation.authority().Issue(spec);
  };
  EXPECT_THAT(issue(SiteSpec("")), HasCode(ErrorCode::kBadIdentity));
  EXPECT_THAT(issue(SiteSpec("../a")), HasCode(ErrorCode::kBadIdentity));
  IssueSpec spec = SiteSpec("a");
  spec.valid_days = 0;
  EXPECT_THAT(issue(spec), HasCode(ErrorCode::kUsage));
  spec.valid_days = kMaxLeafDays + 1;
  EXPECT_THAT(issue(spec), HasCode(ErrorCode::kUsage));
  spec = SiteSpec("a");
  spec.dns_names = {"a.org"};
  EXPECT_THAT(issue(spec), HasCode(ErrorCode::kUsage));
  spec = IssueSpec();
  spec.role = Role::kServer;
  spec.id = "main";
  const auto nameless = issue(spec);
  ASSERT_THAT(nameless, HasCode(ErrorCode::kUsage));
  EXPECT_THAT(FormatError(nameless.status()), HasSubstr("--dns"));
}

TEST(Issue, NeverOutlivesTheAuthority) {
  TestFederation federation;
  ASSERT_OK_AND_ASSIGN(const auto authority_facts,
                       ShowCertificate(federation.folder().PathOf("authority/authority.pem")));
  const ShiftedClock late(std::chrono::hours(24) * (kAuthorityDays - 10));
  ASSERT_OK_AND_ASSIGN(const auto authority,
                       Authority::Open(federation.folder().PathOf("authority"), late));
  ASSERT_OK_AND_ASSIGN(const Issued issued, authority->Issue(SiteSpec("a")));
  EXPECT_EQ(issued.not_after, authority_facts.not_after);
}

TEST(SignRequest, GivesACertificateForTheKeyThatStaysAway) {
  TestFederation federation;
  const auto key = crypto::PrivateKey::Generate(crypto::KeyKind::kTls);
  const auto request = crypto::CertificateRequest::Make(key, "spiffe://heart/site/a");
  IssueSpec spec = SiteSpec("a");
  spec.valid_days = 7;
  ASSERT_OK_AND_ASSIGN(const std::string pem,
                       federation.authority().SignRequest(spec, request.ToPem()));
  ASSERT_OK_AND_ASSIGN(const auto certificate, crypto::Certificate::FromPem(pem, "cert.pem"));
  EXPECT_EQ(certificate.public_key(), key.public_key());
  EXPECT_THAT(certificate.Uris(), ElementsAre("spiffe://heart/site/a"));
  EXPECT_LE(certificate.NotAfter(), federation.clock().UtcNow() + 7 * kDayMs);
}

TEST(SignRequest, IssuesOnlyWhatTheOperatorNamed) {
  TestFederation federation;
  const auto key = crypto::PrivateKey::Generate(crypto::KeyKind::kTls);
  const auto request = crypto::CertificateRequest::Make(key, "spiffe://heart/operator/a");
  const auto pem = federation.authority().SignRequest(SiteSpec("a"), request.ToPem());
  ASSERT_THAT(pem, HasCode(ErrorCode::kBadCertificate));
  EXPECT_THAT(FormatError(pem.status()),
              HasSubstr("asks for spiffe://heart/operator/a, want spiffe://heart/site/a"));
}

TEST(SignRequest, RefusesASigningKey) {
  TestFederation federation;
  const auto key = crypto::PrivateKey::Generate(crypto::KeyKind::kSigning);
  const auto request = crypto::CertificateRequest::Make(key, "spiffe://heart/site/a");
  EXPECT_THAT(federation.authority().SignRequest(SiteSpec("a"), request.ToPem()),
              HasCode(ErrorCode::kBadCertificate));
}

}  // namespace
}  // namespace consilium::pki
