// Where the server says on which ports it listens, for `consilium lab` and scripts.
#ifndef CONSILIUM_SERVER_APP_ENDPOINTS_FILE_H_
#define CONSILIUM_SERVER_APP_ENDPOINTS_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "common/base/storage.h"

namespace consilium::server::app {

struct Endpoints {
  std::string listen;  // "host:port"
  std::string ops;     // empty: none
};
// <folder>/endpoints.json, all or nothing: {"listen", "port", "ops", "pid"}.
absl::Status WriteEndpoints(Storage& storage, const std::string& folder,
                            const Endpoints& endpoints);

}  // namespace consilium::server::app

#endif  // CONSILIUM_SERVER_APP_ENDPOINTS_FILE_H_
