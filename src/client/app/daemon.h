// The site's daemon as a whole: session, connection, ops port; and what `check` looks at.
#ifndef CONSILIUM_CLIENT_APP_DAEMON_H_
#define CONSILIUM_CLIENT_APP_DAEMON_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/app/client_config.h"
#include "common/base/signals.h"

namespace consilium::client::app {

// Works until a stop signal; then no further task is taken, and the one at hand has [limits] drain
// to finish. Longer ones are put aside with a checkpoint and go on after the next start. Ok after a
// clean stop. REQUIRES: no other thread runs yet.
absl::Status RunClient(const ClientConfig& config, const StopSignals& signals);

// What `consilium-client check` says, line by line; starts nothing and changes nothing.
struct CheckLine {
  std::string what;     // "certificate", "dataset heart", ...
  std::string finding;  // when it is fine
  absl::Status status;
};
std::vector<CheckLine> CheckClient(const ClientConfig& config);

}  // namespace consilium::client::app

#endif  // CONSILIUM_CLIENT_APP_DAEMON_H_
