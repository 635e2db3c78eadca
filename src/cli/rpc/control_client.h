// The Control service as calls that return absl::Status: the only part of the command line that
// knows gRPC.
//
// Thread-safe. Every call but Watch has a deadline (ConnectionOptions::timeout): kTimedOut; a
// server that cannot be reached is kCannotConnect.
#ifndef CONSILIUM_CLI_RPC_CONTROL_CLIENT_H_
#define CONSILIUM_CLI_RPC_CONTROL_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "consilium/v1/control.pb.h"

namespace consilium::cli {

struct ConnectionOptions {
  std::string server;  // "host:8443"
  std::string cert;    // PEM files: own chain, own key, the federation's authority
  std::string key;
  std::string ca;
  Duration timeout = std::chrono::seconds(15);
};

class ControlClient {
 public:
  // Reads the certificate files (05xx errors); the connection itself is made by the first call.
  static absl::StatusOr<std::unique_ptr<ControlClient>> Create(const ConnectionOptions& options);
  ~ControlClient();

  // The federation of this caller's own certificate.
  const std::string& federation() const;

  absl::StatusOr<v1::SubmitJobReply> Submit(ByteSpan envelope, ByteSpan file);
  absl::StatusOr<v1::ListJobsReply> Jobs();
  absl::StatusOr<v1::JobView> Job(const std::string& job);
  absl::StatusOr<v1::JobView> Cancel(const std::string& job);
  absl::StatusOr<v1::ReplayJobReply> Replay(const std::string& job);
  absl::StatusOr<v1::ListSitesReply> Sites();

  // Calls `on_change` until the job has ended, it returns false, or Interrupt. A lost connection is
  // dialled again (`on_wait` hears why) for as long as `patience` lasts: kConnectionLost after
  // that.
  struct WatchOptions {
    std::string job;
    uint64_t after_step = 0;
    Duration patience = std::chrono::minutes(10);
    Duration limit{0};  // ends with kTimedOut after this long; 0 = none
  };
  absl::Status Watch(const WatchOptions& options,
                     const std::function<bool(const v1::WatchJobReply&)>& on_change,
                     const std::function<void(const absl::Status&)>& on_wait);
  // Ends a Watch from a signal handler's thread.
  void Interrupt();

  // The broadcast part's bytes (docs/formats/state.md). One of `job`, `state` (hex digest).
  absl::StatusOr<std::string> GetModel(const std::string& job, const std::string& state);
  // Returns the manifest digest, in hex.
  absl::StatusOr<std::string> PutModel(ByteSpan part);

 private:
  struct Parts;
  explicit ControlClient(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace consilium::cli

#endif  // CONSILIUM_CLI_RPC_CONTROL_CLIENT_H_
