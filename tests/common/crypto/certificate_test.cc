#include "common/crypto/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/status_matchers.h"

namespace consilium::crypto {
namespace {

using ::testing::ElementsAre;
using testing::HasCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;

constexpr UtcMillis kNow = 1'800'000'000'000;  // 2027-01-15
constexpr UtcMillis kDay = UtcMillis{24} * 3600 * 1000;

struct TestAuthority {
  PrivateKey key = PrivateKey::Generate(KeyKind::kTls);
  Certificate certificate = *MakeAuthority({.organization = "heart",
                                            .common_name = "authority",
                                            .uri = "spiffe://heart",
                                            .now = kNow,
                                            .not_after = kNow + 3650 * kDay},
                                           key);
};

LeafSpec SiteSpec() {
  LeafSpec spec;
  spec.organization = "heart";
  spec.common_name = "a";
  spec.uris = {"spiffe://heart/site/a"};
  spec.now = kNow;
  spec.not_after = kNow + 90 * kDay;
  return spec;
}

Certificate Leaf(const TestAuthority& authority, const LeafSpec& spec) {
  const PrivateKey key = PrivateKey::Generate(KeyKind::kTls);
  auto leaf = MakeLeaf(spec, key.public_key(), authority.certificate, authority.key);
  EXPECT_THAT(leaf, IsOk());
  return *leaf;
}

TEST(Certificate, ASitesLeafSaysWhatTheProfileSays) {
  const TestAuthority authority;
  const Certificate leaf = Leaf(authority, SiteSpec());
  EXPECT_EQ(leaf.Subject(), "a");
  EXPECT_EQ(leaf.Issuer(), "authority");
  EXPECT_THAT(leaf.Uris(), ElementsAre("spiffe://heart/site/a"));
  EXPECT_THAT(leaf.DnsNames(), IsEmpty());
  EXPECT_THAT(leaf.IpAddresses(), IsEmpty());
  EXPECT_TRUE(leaf.IsForClients());
  EXPECT_FALSE(leaf.IsForServers());
  EXPECT_FALSE(leaf.IsAuthority());
  EXPECT_EQ(leaf.NotBefore(), kNow - kBackdateMs);
  EXPECT_EQ(leaf.NotAfter(), kNow + 90 * kDay);
}

TEST(Certificate, AServersLeafIsForServersOnlyAndNamesItsHosts) {
  LeafSpec spec = SiteSpec();
  spec.for_server = true;
  spec.dns_names = {"fl.hospital.org", "localhost"};
  spec.ip_addresses = {"10.0.0.5", "::1"};
  const Certificate leaf = Leaf(TestAuthority(), spec);
  EXPECT_TRUE(leaf.IsForServers());
  EXPECT_FALSE(leaf.IsForClients());
  EXPECT_THAT(leaf.DnsNames(), ElementsAre("fl.hospital.org", "localhost"));
  EXPECT_THAT(leaf.IpAddresses(), ElementsAre("10.0.0.5", "::1"));
}

TEST(Certificate, SerialsAreRandomAndLong) {
  const TestAuthority authority;
  std::set<std::string> serials;
  size_t longest = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string serial = Leaf(authority, SiteSpec()).Serial();
    serials.insert(serial);
    longest = std::max(longest, serial.size());
  }
  EXPECT_EQ(serials.size(), 20u);
  EXPECT_EQ(longest, 32u);  // 128 bits in hex
}

TEST(Certificate, PemGoesThereAndBack) {
  const Certificate leaf = Leaf(TestAuthority(), SiteSpec());
  ASSERT_OK_AND_ASSIGN(const Certificate again, Certificate::FromPem(leaf.ToPem(), "cert.pem"));
  EXPECT_EQ(again.Fingerprint(), leaf.Fingerprint());
  EXPECT_EQ(again.public_key(), leaf.public_key());
}

TEST(Certificate, ABundleIsReadInOrderAndHasABound) {
  const TestAuthority authority;
  const Certificate leaf = Leaf(authority, SiteSpec());
  ASSERT_OK_AND_ASSIGN(
      const auto bundle,
      Certificate::BundleFromPem(leaf.ToPem() + authority.certificate.ToPem(), "cert.pem"));
  ASSERT_EQ(bundle.size(), 2u);
  EXPECT_EQ(bundle[0].Fingerprint(), leaf.Fingerprint());
  EXPECT_TRUE(bundle[1].IsAuthority());
  std::string many;
  for (size_t i = 0; i <= kMaxBundle; ++i) many += leaf.ToPem();
  EXPECT_THAT(Certificate::BundleFromPem(many, "cert.pem"), HasCode(ErrorCode::kBadCertificate));
}

TEST(Certificate, RubbishIsRefusedByName) {
  for (const std::string& text :
       {std::string(), std::string("rubbish"),
        std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}) {
    const auto certificate = Certificate::FromPem(text, "site/cert.pem");
    ASSERT_THAT(certificate, HasCode(ErrorCode::kBadCertificate));
    EXPECT_THAT(FormatError(certificate.status()), HasSubstr("site/cert.pem"));
  }
}

TEST(Certificate, BadNamesAreRefused) {
  const TestAuthority authority;
  const PublicKey holder = PrivateKey::Generate(KeyKind::kTls).public_key();
  const auto with_dns = [&](const std::string& name) {
    LeafSpec spec = SiteSpec();
    spec.dns_names = {name};
    return MakeLeaf(spec, holder, authority.certificate, authority.key).status();
  };
  for (const char* name : {"", ".", "a..b", "-a", "a-", "a b", "*.b.org", "a,DNS:b", "a_b", "a."}) {
    EXPECT_THAT(with_dns(name), HasCode(ErrorCode::kUsage)) << name;
  }
  EXPECT_THAT(with_dns(std::string(64, 'a')), HasCode(ErrorCode::kUsage));
  EXPECT_THAT(with_dns(std::string(63, 'a') + ".org"), IsOk());
  LeafSpec spec = SiteSpec();
  spec.ip_addresses = {"10.0.0"};
  EXPECT_THAT(MakeLeaf(spec, holder, authority.certificate, authority.key),
              HasCode(ErrorCode::kUsage));
  spec = SiteSpec();
  spec.dns_names.assign(kMaxNames, "a.org");  // and the URI is one too many
  EXPECT_THAT(MakeLeaf(spec, holder, authority.certificate, authority.key),
              HasCode(ErrorCode::kUsage));
  spec = SiteSpec();
  spec.common_name = std::string(65, 'a');
  EXPECT_THAT(MakeLeaf(spec, holder, authority.certificate, authority.key),
              HasCode(ErrorCode::kUsage));
}

TEST(VerifyChain, HoldsForTheIssuerOnly) {
  const TestAuthority authority;
  const TestAuthority other;  // the same names, another key
  const Certificate leaf = Leaf(authority, SiteSpec());
  EXPECT_THAT(VerifyChain({leaf}, {authority.certificate}), IsOk());
  EXPECT_THAT(VerifyChain({leaf}, {other.certificate, authority.certificate}), IsOk());
  EXPECT_THAT(VerifyChain({leaf}, {other.certificate}), HasCode(ErrorCode::kBadCertificate));
  EXPECT_THAT(VerifyChain({leaf}, {}), HasCode(ErrorCode::kBadCertificate));
}

TEST(VerifyChain, ALeafCannotIssue) {
  const TestAuthority authority;
  const PrivateKey site_key = PrivateKey::Generate(KeyKind::kTls);
  ASSERT_OK_AND_ASSIGN(const Certificate site, MakeLeaf(SiteSpec(), site_key.public_key(),
                                                        authority.certificate, authority.key));
  ASSERT_OK_AND_ASSIGN(
      const Certificate forged,
      MakeLeaf(SiteSpec(), PrivateKey::Generate(KeyKind::kTls).public_key(), site, site_key));
  EXPECT_THAT(VerifyChain({forged, site}, {authority.certificate}),
              HasCode(ErrorCode::kBadCertificate));
}

TEST(VerifyChain, DoesNotLookAtTheClock) {
  const TestAuthority authority;
  LeafSpec spec = SiteSpec();
  spec.now = kNow - 1000 * kDay;
  spec.not_after = kNow - 999 * kDay;
  EXPECT_THAT(VerifyChain({Leaf(authority, spec)}, {authority.certificate}), IsOk());
}

TEST(CertificateRequest, CarriesTheKeyAndTheIdentityAskedFor) {
  const PrivateKey key = PrivateKey::Generate(KeyKind::kTls);
  const auto request = CertificateRequest::Make(key, "spiffe://heart/site/a");
  ASSERT_OK_AND_ASSIGN(const auto again,
                       CertificateRequest::FromPem(request.ToPem(), "request.pem"));
  EXPECT_THAT(again.Uris(), ElementsAre("spiffe://heart/site/a"));
  EXPECT_EQ(again.public_key(), key.public_key());
}

TEST(CertificateRequest, ThatWasChangedIsRefused) {
  const PrivateKey key = PrivateKey::Generate(KeyKind::kTls);
  const std::string pem = CertificateRequest::Make(key, "spiffe://heart/site/a").ToPem();
  const std::string head = "-----BEGIN CERTIFICATE REQUEST-----\n";
  ASSERT_THAT(pem, ::testing::StartsWith(head));
  // Every letter of the body in turn, but for the last, whose low bits may be padding.
  const size_t end = pem.find_first_of("=-", head.size()) - 2;
  for (size_t at = head.size(); at < end; ++at) {
    if (pem[at] == '\n') continue;
    std::string forged = pem;
    forged[at] = forged[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(CertificateRequest::FromPem(forged, "request.pem").ok()) << at;
  }
  EXPECT_THAT(CertificateRequest::FromPem("rubbish", "request.pem"),
              HasCode(ErrorCode::kBadCertificate));
}

}  // namespace
}  // namespace consilium::crypto
