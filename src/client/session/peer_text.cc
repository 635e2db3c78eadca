#include "client/session/peer_text.h"

#include <string_view>

#include "common/base/error.h"

namespace consilium::client::session {

std::string CodeTextOf(const absl::Status& status) {
  return CodeName(CodeOf(status).value_or(ErrorCode::kInternal));
}

std::string MessageForPeer(const absl::Status& status) {
  const ErrorCode code = CodeOf(status).value_or(ErrorCode::kInternal);
  const int range = static_cast<int>(code) / 100;
  const bool internal = range == 1 || range == 3 || range == 8;
  const std::string_view text(status.message().data(), status.message().size());
  return std::string(internal ? RowOf(code).title : text).substr(0, wire::kMaxTextBytes);
}

wire::AdmissionReply RefusedFor(const JobId& job, const absl::Status& status) {
  return {job, wire::Verdict::kRefused, CodeTextOf(status), MessageForPeer(status)};
}

}  // namespace consilium::client::session
