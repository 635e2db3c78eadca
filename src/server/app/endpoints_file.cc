#include "server/app/endpoints_file.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/base/crash_point.h"
#include "common/base/status_macros.h"

namespace consilium::server::app {

absl::Status WriteEndpoints(Storage& storage, const std::string& folder,
                            const Endpoints& endpoints) {
  nlohmann::ordered_json json;
  json["listen"] = endpoints.listen;
  json["port"] = std::stoi(endpoints.listen.substr(endpoints.listen.rfind(':') + 1));
  json["ops"] = endpoints.ops;
  json["pid"] = getpid();
  CN_RETURN_IF_ERROR(
      WriteDurably(storage, folder + "/endpoints.json", AsBytes(json.dump(2) + "\n")));
  CN_CRASH_POINT("endpoints.written");
  return absl::OkStatus();
}

}  // namespace consilium::server::app
