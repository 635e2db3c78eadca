// Fetch and Submit without a transport: what the gRPC adapters ask of a Coordinator, asked
// directly.
//
// The order of the real one: epoch, then the state's file piece by piece; or epoch, then a small
// update whole, else an upload that goes on at its last durable byte, then the receipt, and only
// then the job hears of it. What lies between site and server (time, loss, a crash) is the Passage.
// Not thread-safe. What is referenced outlives the call.
#ifndef CONSILIUM_SIMULATOR_TRANSFER_H_
#define CONSILIUM_SIMULATOR_TRANSFER_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/storage.h"
#include "common/wire/messages.h"
#include "server/round/coordinator.h"

namespace consilium::simulator {

enum class UploadStage { kBegun, kWritten, kRefused };

// The way from a site to the server and back.
class Passage {
 public:
  virtual ~Passage() = default;
  // Null: it is down.
  virtual server::round::Coordinator* server() = 0;
  // One call or one piece goes; kConnectionLost when nothing goes any more. May let time pass.
  virtual absl::Status Carry() = 0;
  // How much of so many bytes goes at once, at least 1.
  virtual uint64_t PieceOf(uint64_t bytes) const = 0;
  // Whether an update of so many bytes goes in the standing stream.
  virtual bool GoesWhole(uint64_t bytes) = 0;
  // An upload begins or goes on at `written`; it has come so far; it was whole and was not taken.
  virtual void OnUpload(const wire::UploadHeader& header, UploadStage stage, uint64_t written) = 0;
};

struct Caller {
  SiteId site;
  Epoch epoch;
};

// As client::session::Uplink says.
absl::Status FetchState(Passage& passage, const Caller& caller, const Digest& digest,
                        uint64_t offset, const std::function<absl::Status(ByteSpan)>& sink);
absl::StatusOr<wire::Receipt> SubmitUpdate(Passage& passage, const Caller& caller,
                                           const wire::UploadHeader& header,
                                           const FileReader& update,
                                           const std::function<void(uint64_t)>& on_written);

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_TRANSFER_H_
