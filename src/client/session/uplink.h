// A site's live connection to the server, without its transport. gRPC (client/rpc) and the
// in-memory link implement it.
#ifndef CONSILIUM_CLIENT_SESSION_UPLINK_H_
#define CONSILIUM_CLIENT_SESSION_UPLINK_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/wire/messages.h"

namespace consilium::client::session {

class Uplink {
 public:
  virtual ~Uplink() = default;
  // Queued; never blocks. Lost when the connection is.
  virtual void Send(const wire::SiteMessage& message) = 0;
  // Bytes from `offset` on, in order, in pieces of at most wire::kMaxChunkBytes. A status from
  // `sink` ends it with that status. Blocks.
  virtual absl::Status Fetch(const Digest& digest, uint64_t offset,
                             const std::function<absl::Status(ByteSpan)>& sink) = 0;
  // Sends what the server does not have yet and returns its receipt. `header.epoch` and
  // `header.offset` are filled in by the uplink. Blocks; `on_written` hears the durable offset.
  virtual absl::StatusOr<wire::Receipt> Submit(
      const wire::UploadHeader& header, const FileReader& update,
      const std::function<void(uint64_t written)>& on_written) = 0;
};

}  // namespace consilium::client::session

#endif  // CONSILIUM_CLIENT_SESSION_UPLINK_H_
