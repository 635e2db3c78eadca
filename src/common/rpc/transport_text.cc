#include "common/rpc/transport_text.h"

#include <array>

namespace consilium::rpc {
namespace {

struct Rule {
  std::string_view words;
  ErrorCode code;
  std::string_view help;
};

constexpr std::string_view kCheckServer =
    "check that the server runs and that the address and port are right (8443 unless its "
    "configuration says otherwise)";
constexpr std::string_view kCheckAuthority =
    "the server's certificate has expired, is not a server's, or was not issued by the authority "
    "in "
    "our ca.pem: compare both with `consilium pki show`";
constexpr std::string_view kCheckOurs =
    "the server may have refused our certificate: look with `consilium pki show cert.pem` whether "
    "it has expired and was issued by the authority that the server trusts; else the server "
    "stopped, and the call can be made again";

// The first whose words are in the text. Order: from the particular to the general.
constexpr std::array kRules = {
    Rule{"not our server: ", ErrorCode::kWrongRole,
         "nothing was sent to it: check the address; if it is right, something else answers there, "
         "so tell whoever operates the server"},
    Rule{"certificate verify failed", ErrorCode::kCannotConnect, kCheckAuthority},
    Rule{"CERTIFICATE_VERIFY_FAILED", ErrorCode::kCannotConnect, kCheckAuthority},
    Rule{"WRONG_VERSION_NUMBER", ErrorCode::kCannotConnect,
         "what answers there does not speak TLS: check the port"},
    Rule{"wrong version number", ErrorCode::kCannotConnect,
         "what answers there does not speak TLS: check the port"},
    Rule{"alert protocol version", ErrorCode::kCannotConnect,
         "what answers there speaks an older TLS only: 1.3 is needed, so check the address and any "
         "proxy on the way"},
    Rule{"Connection refused", ErrorCode::kCannotConnect, kCheckServer},
    Rule{"DNS resolution failed", ErrorCode::kCannotConnect,
         "the host's name is not known here: check its spelling, or this machine's DNS"},
    Rule{"Name or service not known", ErrorCode::kCannotConnect,
         "the host's name is not known here: check its spelling, or this machine's DNS"},
    Rule{"No route to host", ErrorCode::kCannotConnect, kCheckServer},
    Rule{"Network is unreachable", ErrorCode::kCannotConnect,
         "this machine has no way to that network: check its connection, VPN and firewall"},
    Rule{"keepalive", ErrorCode::kConnectionLost,
         "the path to the server went silent: check the network and any firewall that drops idle "
         "connections, then try again"},
    Rule{"GOAWAY", ErrorCode::kConnectionLost, "the server is stopping or restarting: try again"},
    Rule{"Too many pings", ErrorCode::kConnectionLost, "try again in a moment"},
    Rule{"andshake failed", ErrorCode::kCannotConnect, kCheckOurs},
    Rule{"andshake read failed", ErrorCode::kCannotConnect, kCheckOurs},
    Rule{"Socket closed", ErrorCode::kConnectionLost, kCheckOurs},
    Rule{"Connection reset", ErrorCode::kConnectionLost, kCheckOurs},
    Rule{"Broken pipe", ErrorCode::kConnectionLost, kCheckOurs},
    Rule{"End of TCP stream", ErrorCode::kConnectionLost, kCheckOurs},
    Rule{"failed to connect", ErrorCode::kCannotConnect, kCheckServer},
    Rule{"imeout", ErrorCode::kCannotConnect, kCheckServer},
};

std::string_view After(std::string_view text, std::string_view words) {
  const size_t at = text.find(words);
  return at == text.npos ? text : text.substr(at + words.size());
}

// Without "failed to connect to all addresses; last error: UNKNOWN: ".
std::string Unwrapped(std::string_view text) {
  text = After(text, "last error: ");
  for (const std::string_view status : {"UNKNOWN: ", "UNAVAILABLE: ", "INTERNAL: "}) {
    if (text.starts_with(status)) text.remove_prefix(status.size());
  }
  return std::string(text);
}

}  // namespace

TransportFault ExplainUnavailable(std::string_view grpc_message) {
  for (const Rule& rule : kRules) {
    if (grpc_message.find(rule.words) == grpc_message.npos) continue;
    if (rule.code == ErrorCode::kWrongRole) {
      return {rule.code, std::string(After(grpc_message, rule.words)), rule.help};
    }
    return {rule.code, Unwrapped(grpc_message), rule.help};
  }
  return {ErrorCode::kConnectionLost, Unwrapped(grpc_message), kCheckServer};
}

}  // namespace consilium::rpc
