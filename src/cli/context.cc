#include "cli/context.h"

#include "cli/connection_file.h"
#include "common/base/status_macros.h"

namespace consilium::cli {

absl::StatusOr<std::unique_ptr<ControlClient>> Context::Connect() const {
  CN_ASSIGN_OR_RETURN(const ConnectionOptions options, FindConnection(config, connection));
  return ControlClient::Create(options);
}

}  // namespace consilium::cli
