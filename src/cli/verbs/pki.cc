#include <arpa/inet.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/verbs/verbs.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/pki/authority.h"

namespace consilium::cli {
namespace {

bool IsIpAddress(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address) == 1;
}

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text.empty() ? "-" : text;
}

}  // namespace

absl::Status PkiInit(const Context& context, const PkiInitOptions& options) {
  const SystemClock clock;
  CN_ASSIGN_OR_RETURN(const auto authority,
                      pki::Authority::Create(options.folder, options.federation, clock));
  if (context.json) {
    context.Json("authority",
                 {{"folder", options.folder}, {"federation", authority->federation()}});
  } else {
    context.Data(
        fmt::format("authority of federation {} in {}\n", authority->federation(), options.folder));
    context.Talk("keep authority_key.pem offline: who holds it can admit anybody\n");
  }
  context.Next(
      fmt::format("consilium pki issue --folder {} server main --host localhost", options.folder));
  return absl::OkStatus();
}

absl::Status PkiIssue(const Context& context, const PkiIssueOptions& options) {
  const SystemClock clock;
  CN_ASSIGN_OR_RETURN(const auto authority, pki::Authority::Open(options.folder, clock));
  pki::IssueSpec spec;
  CN_ASSIGN_OR_RETURN(spec.role, pki::ParseRole(options.role));
  spec.id = options.id;
  spec.valid_days = options.days;
  for (const std::string& host : options.hosts) {
    (IsIpAddress(host) ? spec.ip_addresses : spec.dns_names).push_back(host);
  }
  CN_ASSIGN_OR_RETURN(const pki::Issued issued, authority->Issue(spec));
  if (context.json) {
    context.Json("certificate", {{"folder", issued.folder},
                                 {"identity", issued.identity.ToUri()},
                                 {"not_after", FormatUtc(issued.not_after)},
                                 {"fingerprint", HexOf(issued.fingerprint)}});
    return absl::OkStatus();
  }
  context.Data(fmt::format("{}\n  files        {}\n  valid until  {}\n  fingerprint  {}\n",
                           issued.identity.ToUri(), issued.folder, FormatUtc(issued.not_after),
                           HexOf(issued.fingerprint)));
  context.Next(fmt::format("consilium pki show {}", issued.tls.cert));
  return absl::OkStatus();
}

absl::Status PkiShow(const Context& context, const std::string& file) {
  CN_ASSIGN_OR_RETURN(const pki::CertificateFacts facts, pki::ShowCertificate(file));
  if (context.json) {
    context.Json("certificate", {{"subject", facts.subject},
                                 {"issuer", facts.issuer},
                                 {"uris", facts.uris},
                                 {"dns_names", facts.dns_names},
                                 {"ip_addresses", facts.ip_addresses},
                                 {"serial", facts.serial},
                                 {"not_before", FormatUtc(facts.not_before)},
                                 {"not_after", FormatUtc(facts.not_after)},
                                 {"fingerprint", HexOf(facts.fingerprint)},
                                 {"is_authority", facts.is_authority}});
    return absl::OkStatus();
  }
  const bool expired = facts.not_after < SystemClock().UtcNow();
  context.Data(fmt::format(
      "{}\n  identity     {}\n  hosts        {}\n  issued by    {}\n  serial       {}\n"
      "  valid        {} to {}{}\n  fingerprint  {}\n",
      facts.is_authority ? "an authority's certificate" : "a certificate", Join(facts.uris),
      Join(facts.dns_names) + (facts.ip_addresses.empty() ? "" : ", " + Join(facts.ip_addresses)),
      facts.issuer, facts.serial, FormatUtc(facts.not_before), FormatUtc(facts.not_after),
      expired ? context.terminal.Paint(Style::kBad, "  EXPIRED") : "", HexOf(facts.fingerprint)));
  return absl::OkStatus();
}

}  // namespace consilium::cli
