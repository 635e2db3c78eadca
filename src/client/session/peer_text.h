// What the server may read of a fault at this site: of our own files, and of what has no code, only
// the title. Pure; thread-safe.
#ifndef CONSILIUM_CLIENT_SESSION_PEER_TEXT_H_
#define CONSILIUM_CLIENT_SESSION_PEER_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

std::string CodeTextOf(const absl::Status& status);
std::string MessageForPeer(const absl::Status& status);
wire::AdmissionReply RefusedFor(const JobId& job, const absl::Status& status);

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_PEER_TEXT_H_
