#include "common/rpc/status_conversion.h"

#include <fmt/format.h>
#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/retry_after.h"
#include "common/rpc/error_details.h"
#include "common/rpc/transport_text.h"

namespace consilium::rpc {
namespace {

std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// Errors about this machine: their text may hold paths, addresses or a fault's inside.
bool IsInternal(ErrorCode code) {
  const int range = static_cast<int>(code) / 100;
  const bool of_files = range == 1 && code != ErrorCode::kUsage;
  const bool of_keys = code == ErrorCode::kKeyUnreadable || code == ErrorCode::kKeyTooOpen;
  return of_files || of_keys || range == 3 || range == 8;
}

absl::Status FromTransport(const grpc::Status& status, std::string_view peer) {
  const TransportFault fault = ExplainUnavailable(status.error_message());
  return Error(fault.code, fmt::format("{}: {}", peer, fault.reason), fault.help);
}

absl::Status TooMuch(const grpc::Status& status, std::string_view peer) {
  if (status.error_message().find("metadata") != std::string::npos) {
    return Error(ErrorCode::kMessageTooLarge, fmt::format("{}: {}", peer, status.error_message()),
                 "the headers of a call have a fixed bound of 16 KiB");
  }
  if (status.error_message().find("larger than max") == std::string::npos) {
    return Error(ErrorCode::kOverloaded, fmt::format("{}: {}", peer, status.error_message()));
  }
  return Error(ErrorCode::kMessageTooLarge, fmt::format("{}: {}", peer, status.error_message()),
               "one message has a fixed bound: a job file has at most 256 KiB, and models and "
               "updates travel in chunks of at most 1 MiB");
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto grpc_code = static_cast<grpc::StatusCode>(status.code());  // the same numbers
  const std::optional<ErrorCode> code = CodeOf(status);
  if (!code.has_value() && status.code() == absl::StatusCode::kCancelled) {
    return {grpc_code, CutText(MessageOf(status), kMaxErrorMessageBytes)};
  }
  ErrorDetails details;
  details.code = code.value_or(ErrorCode::kInternal);
  details.retry_after = RetryAfterOf(status);
  if (!code.has_value() || IsInternal(*code)) {
    const ErrorRow& row = RowOf(details.code);
    details.help =
        "this concerns the server's own machine: its operator finds the whole error in "
        "the server's log";
    return {static_cast<grpc::StatusCode>(row.status), std::string(row.title),
            EncodeErrorDetails(details)};
  }
  details.place = PlaceOf(status);
  details.help = HelpOf(status);
  return {grpc_code, CutText(MessageOf(status), kMaxErrorMessageBytes),
          EncodeErrorDetails(details)};
}

absl::Status FromGrpc(const grpc::Status& status, std::string_view peer) {
  if (status.ok()) return absl::OkStatus();
  const std::string& message = status.error_message();
  if (const std::optional<ErrorDetails> details = DecodeErrorDetails(status.error_details())) {
    const absl::Status ours = details->place.has_value()
                                  ? ErrorAt(details->code, *details->place, message, details->help)
                                  : Error(details->code, message, details->help);
    return details->retry_after ? WithRetryAfter(ours, *details->retry_after) : ours;
  }
  if (peer.empty()) peer = "the server";
  const std::string text = fmt::format("{}: {}", peer, message);
  switch (status.error_code()) {
    case grpc::StatusCode::CANCELLED:
      return absl::CancelledError(text);
    case grpc::StatusCode::UNAVAILABLE:
      return FromTransport(status, peer);
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Error(ErrorCode::kTimedOut, fmt::format("{} did not answer in time", peer),
                   "check that the address is the server's and that it is not overloaded, then try "
                   "again");
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return TooMuch(status, peer);
    case grpc::StatusCode::UNAUTHENTICATED:
      return Error(ErrorCode::kNotAuthenticated, text);
    case grpc::StatusCode::PERMISSION_DENIED:
      return Error(ErrorCode::kNotAllowed, text);
    case grpc::StatusCode::UNIMPLEMENTED:
      return Error(ErrorCode::kVersion, fmt::format("{} does not know this call", peer),
                   "update the older of the two: compare `consilium --version` with the server's");
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::OUT_OF_RANGE:
      return Error(ErrorCode::kProtocol, text);
    default:
      return Error(ErrorCode::kInternal, text);
  }
}

}  // namespace consilium::rpc
