#include "server/rpc/refusal.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/retry_after.h"
#include "common/rpc/status_conversion.h"

namespace consilium::server::rpc {
namespace {

constexpr Duration kBusyRetry = std::chrono::seconds(5);

}  // namespace

::grpc::Status Refuse(std::string_view call, const absl::Status& status, std::string_view caller) {
  LogStatus(Level::kWarning, "call refused", status, {{"call", call}, {"caller", caller}});
  return consilium::rpc::ToGrpc(status);
}

absl::Status Overloaded() {
  return WithRetryAfter(Error(ErrorCode::kOverloaded, "too many calls wait on this server",
                              "try again in a few seconds"),
                        kBusyRetry);
}

}  // namespace consilium::server::rpc
