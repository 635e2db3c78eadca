#include "tests/common/pki/test_federation.h"

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/crypto/certificate.h"
#include "common/crypto/keys.h"

namespace consilium::testing {

TestFederation::TestFederation(const std::string& name) {
  auto authority = pki::Authority::Create(folder_.PathOf("authority"), name, clock_);
  CN_CHECK(authority.ok());
  authority_ = *std::move(authority);
}

pki::TlsFiles TestFederation::Issue(pki::Role role, const std::string& id) {
  pki::IssueSpec spec;
  spec.role = role;
  spec.id = id;
  if (role == pki::Role::kServer) {
    spec.dns_names = {"localhost"};
    spec.ip_addresses = {"127.0.0.1", "::1"};
  }
  const auto issued = authority_->Issue(spec);
  CN_CHECK(issued.ok());
  return issued->tls;
}

pki::TlsFiles TestFederation::IssueOdd(const OddLeaf& leaf) {
  constexpr UtcMillis kDayMs = UtcMillis{24} * 3600 * 1000;
  const auto authority_key =
      crypto::PrivateKey::Read(folder_.PathOf("authority/authority_key.pem"));
  const auto authority = crypto::Certificate::FromPem(authority_->CertificatePem(), "authority");
  CN_CHECK(authority_key.ok() && authority.ok());
  const auto key = crypto::PrivateKey::Generate(crypto::KeyKind::kTls);
  crypto::LeafSpec spec;
  spec.common_name = "odd";
  spec.uris = leaf.uris;
  spec.dns_names = {"localhost"};
  spec.ip_addresses = {"127.0.0.1"};
  spec.for_server = leaf.for_server;
  spec.now = ShiftedClock(leaf.shift).UtcNow();
  spec.not_after = spec.now + kDayMs;
  const auto certificate = crypto::MakeLeaf(spec, key.public_key(), *authority, *authority_key);
  CN_CHECK(certificate.ok());
  const std::string name = fmt::format("odd-{}", ++odd_count_);
  pki::TlsFiles files;
  files.cert = folder_.Write(name + "-cert.pem", certificate->ToPem());
  files.key = folder_.PathOf(name + "-key.pem");
  CN_CHECK(key.Write(files.key).ok());
  files.ca = folder_.PathOf("authority/authority.pem");
  return files;
}

}  // namespace consilium::testing
