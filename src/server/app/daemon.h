// The server as a whole: store, coordinator, work port, ops port, in order up and in order down.
#ifndef CONSILIUM_SERVER_APP_DAEMON_H_
#define CONSILIUM_SERVER_APP_DAEMON_H_

#include "absl/status/status.h"
#include "common/base/signals.h"
#include "server/app/server_config.h"

namespace consilium::server::app {

// What --check looks at: certificates, key, data folder. Starts nothing, changes nothing.
absl::Status CheckServer(const ServerConfig& config);

// Serves until a stop signal, then drains: no new step begins, what is at hand (a commit) ends,
// open steps are parked durably, sites are told when to come back, streams are closed. When
// [limits] drain is over, or a second signal comes, the process ends at once, with 0 as well.
// Ok after a clean stop.
absl::Status RunServer(const ServerConfig& config, const StopSignals& signals);

}  // namespace consilium::server::app

#endif  // CONSILIUM_SERVER_APP_DAEMON_H_
