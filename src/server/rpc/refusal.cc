#include "server/rpc/refusal.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/rpc/status_conversion.h"

namespace consilium::server::rpc {

::grpc::Status Refuse(std::string_view call, const absl::Status& status, std::string_view caller) {
  LogStatus(Level::kWarning, "call refused", status, {{"call", call}, {"caller", caller}});
  return consilium::rpc::ToGrpc(status);
}

absl::Status Overloaded() {
  return Error(ErrorCode::kOverloaded, "too many calls wait on this server",
               "try again in a few seconds");
}

}  // namespace consilium::server::rpc
