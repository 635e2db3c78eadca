#include "common/pki/authority.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/pki/issue_folder.h"

namespace consilium::pki {
namespace {

constexpr UtcMillis kDayMs = UtcMillis{24} * 3600 * 1000;
constexpr std::string_view kTrustDomain = "spiffe://";

std::string CertificatePath(const std::string& folder) { return folder + "/authority.pem"; }
std::string KeyPath(const std::string& folder) { return folder + "/authority_key.pem"; }

absl::StatusOr<crypto::Certificate> ReadCertificate(const std::string& path) {
  const PosixStorage storage;
  CN_ASSIGN_OR_RETURN(const Bytes pem, ReadWhole(storage, path, kMaxCertificateFileBytes));
  return crypto::Certificate::FromPem(AsText(pem), path);
}

absl::Status CheckFederation(std::string_view name) {
  if (IsValidName(name)) return absl::OkStatus();
  return Error(
      ErrorCode::kBadIdentity,
      fmt::format("`{}` is not a name for a federation, want 1 to 64 of a-z 0-9 - _ . that "
                  "begin with a letter or digit",
                  name));
}

absl::Status CheckSpec(const IssueSpec& spec) {
  if (!IsValidName(spec.id)) {
    return Error(ErrorCode::kBadIdentity,
                 fmt::format("`{}` is not an id, want 1 to 64 of a-z 0-9 - _ . that begin with a "
                             "letter or digit",
                             spec.id));
  }
  if (spec.valid_days < 1 || spec.valid_days > kMaxLeafDays) {
    return Error(ErrorCode::kUsage, fmt::format("a certificate of {} days, want 1 to {}",
                                                spec.valid_days, kMaxLeafDays));
  }
  const bool named = !spec.dns_names.empty() || !spec.ip_addresses.empty();
  if (spec.role == Role::kServer && !named) {
    return Error(ErrorCode::kUsage, "a server's certificate needs a DNS name or an IP address",
                 "give the name that sites dial, as in --dns fl.hospital.org or --ip 10.0.0.5");
  }
  if (spec.role != Role::kServer && named) {
    return Error(
        ErrorCode::kUsage,
        fmt::format("a {}'s certificate takes no DNS names or IP addresses", NameOf(spec.role)),
        "leave out --dns and --ip: only servers are dialled");
  }
  return absl::OkStatus();
}

}  // namespace

Authority::Authority(std::string folder, std::string federation, crypto::Certificate certificate,
                     crypto::PrivateKey key, const Clock& clock)
    : folder_(std::move(folder)),
      federation_(std::move(federation)),
      certificate_(std::move(certificate)),
      key_(std::move(key)),
      clock_(clock) {}

absl::StatusOr<std::unique_ptr<Authority>> Authority::Create(const std::string& folder,
                                                             const std::string& federation,
                                                             const Clock& clock) {
  CN_RETURN_IF_ERROR(CheckFederation(federation));
  PosixStorage storage;
  if (Exists(storage, CertificatePath(folder)) || Exists(storage, KeyPath(folder))) {
    return Error(
        ErrorCode::kAuthorityExists, fmt::format("{} holds an authority already", folder),
        "use it with `consilium pki issue`, or give another folder: a new authority in its "
        "place would make every certificate it issued worthless");
  }
  CN_RETURN_IF_ERROR(storage.CreateFolder(folder));
  const crypto::PrivateKey key = crypto::PrivateKey::Generate(crypto::KeyKind::kTls);
  crypto::AuthoritySpec spec;
  spec.organization = federation;
  spec.common_name = "Consilium authority";
  spec.uri = fmt::format("{}{}", kTrustDomain, federation);
  spec.now = clock.UtcNow();
  spec.not_after = spec.now + kAuthorityDays * kDayMs;
  CN_ASSIGN_OR_RETURN(const crypto::Certificate certificate, crypto::MakeAuthority(spec, key));
  CN_RETURN_IF_ERROR(key.Write(KeyPath(folder)));
  const std::string pem = certificate.ToPem();
  CN_RETURN_IF_ERROR(WriteDurably(storage, CertificatePath(folder), AsBytes(pem)));
  return std::unique_ptr<Authority>(new Authority(folder, federation, certificate, key, clock));
}

absl::StatusOr<std::unique_ptr<Authority>> Authority::Open(const std::string& folder,
                                                           const Clock& clock) {
  const PosixStorage storage;
  const std::string path = CertificatePath(folder);
  if (!Exists(storage, path)) {
    return Error(
        ErrorCode::kFileNotFound, fmt::format("there is no authority in {}", folder),
        fmt::format("make one with `consilium pki init --dir {} --federation NAME`", folder));
  }
  CN_ASSIGN_OR_RETURN(const crypto::Certificate certificate, ReadCertificate(path));
  CN_ASSIGN_OR_RETURN(const crypto::PrivateKey key, crypto::PrivateKey::Read(KeyPath(folder)));
  const std::vector<std::string> uris = certificate.Uris();
  const bool ours = uris.size() == 1 && uris[0].starts_with(kTrustDomain);
  const std::string federation = ours ? uris[0].substr(kTrustDomain.size()) : "";
  if (!certificate.IsAuthority() || !IsValidName(federation)) {
    return Error(ErrorCode::kBadCertificate,
                 fmt::format("{} is not an authority of a federation, want a CA with one URI name, "
                             "spiffe://<federation>",
                             path));
  }
  if (!(key.public_key() == certificate.public_key())) {
    return Error(ErrorCode::kBadCertificate,
                 fmt::format("{} does not belong to {}", KeyPath(folder), path));
  }
  if (clock.UtcNow() > certificate.NotAfter()) {
    return Error(
        ErrorCode::kCertificateExpired,
        fmt::format("the authority {} expired on {}", path, FormatUtc(certificate.NotAfter())),
        "make a new authority and issue every certificate again");
  }
  return std::unique_ptr<Authority>(new Authority(folder, federation, certificate, key, clock));
}

absl::StatusOr<crypto::Certificate> Authority::Sign(const IssueSpec& spec,
                                                    const crypto::PublicKey& holder) {
  crypto::LeafSpec leaf;
  leaf.organization = federation_;
  leaf.common_name = spec.id;
  leaf.uris = {Identity{federation_, spec.role, spec.id}.ToUri()};
  leaf.dns_names = spec.dns_names;
  leaf.ip_addresses = spec.ip_addresses;
  leaf.for_server = spec.role == Role::kServer;
  leaf.now = clock_.UtcNow();
  leaf.not_after = std::min(leaf.now + spec.valid_days * kDayMs, certificate_.NotAfter());
  return crypto::MakeLeaf(leaf, holder, certificate_, key_);
}

absl::StatusOr<Issued> Authority::Issue(const IssueSpec& spec) {
  CN_RETURN_IF_ERROR(CheckSpec(spec));
  const crypto::PrivateKey key = crypto::PrivateKey::Generate(crypto::KeyKind::kTls);
  const crypto::PrivateKey signing = crypto::PrivateKey::Generate(crypto::KeyKind::kSigning);
  CN_ASSIGN_OR_RETURN(const crypto::Certificate certificate, Sign(spec, key.public_key()));
  const std::string folder = fmt::format("{}/issued/{}-{}", folder_, NameOf(spec.role), spec.id);
  CN_RETURN_IF_ERROR(WriteIssueFolder(folder, {certificate, certificate_, key, signing}));
  Issued issued;
  issued.folder = folder;
  issued.tls = TlsFilesIn(folder);
  issued.signing_key = folder + "/signing_key.pem";
  issued.signing_public_key = folder + "/signing_key.pub";
  issued.identity = Identity{federation_, spec.role, spec.id};
  issued.not_after = certificate.NotAfter();
  issued.fingerprint = certificate.Fingerprint();
  return issued;
}

absl::StatusOr<std::string> Authority::SignRequest(const IssueSpec& spec,
                                                   std::string_view request_pem) {
  CN_RETURN_IF_ERROR(CheckSpec(spec));
  CN_ASSIGN_OR_RETURN(const auto request,
                      crypto::CertificateRequest::FromPem(request_pem, "the request"));
  const std::string wanted = Identity{federation_, spec.role, spec.id}.ToUri();
  if (request.Uris() != std::vector<std::string>{wanted}) {
    const std::vector<std::string> uris = request.Uris();
    return Error(
        ErrorCode::kBadCertificate,
        fmt::format("the request asks for {}, want {}",
                    uris.size() == 1 ? uris.front() : fmt::format("{} names", uris.size()), wanted),
        "read the identity back with whoever made the request, then name that one");
  }
  if (request.public_key().kind() != crypto::KeyKind::kTls) {
    return Error(ErrorCode::kBadCertificate, "the request holds a signing key, want a P-256 key");
  }
  CN_ASSIGN_OR_RETURN(const crypto::Certificate certificate, Sign(spec, request.public_key()));
  return certificate.ToPem();
}

absl::StatusOr<CertificateFacts> ShowCertificate(const std::string& path) {
  CN_ASSIGN_OR_RETURN(const crypto::Certificate certificate, ReadCertificate(path));
  CertificateFacts facts;
  facts.subject = certificate.Subject();
  facts.issuer = certificate.Issuer();
  facts.uris = certificate.Uris();
  facts.dns_names = certificate.DnsNames();
  facts.ip_addresses = certificate.IpAddresses();
  facts.serial = certificate.Serial();
  facts.not_before = certificate.NotBefore();
  facts.not_after = certificate.NotAfter();
  facts.fingerprint = certificate.Fingerprint();
  facts.is_authority = certificate.IsAuthority();
  return facts;
}

}  // namespace consilium::pki
