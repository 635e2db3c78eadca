// Any bytes as the requests of a researcher: what the control service hands on is taken or refused
// by name, and what was taken can be shown, listed, cancelled and found again after a restart.
// Input: a SubmitJobRequest, as it comes over the wire.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/wire/envelope.h"
#include "consilium/v1/control.pb.h"
#include "server/round/coordinator.h"

namespace consilium::server::round {
namespace {

class Server {
 public:
  Server() { Start(); }
  void Start() {
    coordinator_.reset();
    Coordinator::Options options;
    options.folder = "server";
    options.federation = "fuzzed";
    options.version = "0";
    options.threads = false;
    auto started = Coordinator::Create(options, storage_, clock_);
    CN_CHECK(started.ok());
    coordinator_ = *std::move(started);
  }
  Coordinator& coordinator() { return *coordinator_; }

 private:
  MemoryStorage storage_;
  ManualClock clock_;
  std::unique_ptr<Coordinator> coordinator_;
};

void CheckTaken(Server& server, const JobId& job) {
  while (server.coordinator().Pump()) {
  }
  CN_CHECK(server.coordinator().Show(job).ok());
  CN_CHECK(server.coordinator().List().size() == 1);
  server.Start();
  CN_CHECK(server.coordinator().Show(job).ok());
  CN_CHECK(server.coordinator().Cancel(job, "fuzz").ok());
  while (server.coordinator().Pump()) {
  }
  CN_CHECK(server.coordinator().Show(job)->status == jobs::JobStatus::kCancelled);
}

void Run(const uint8_t* data, size_t size) {
  v1::SubmitJobRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) return;
  Server server;
  const JobId unknown(request.envelope().substr(0, 16));
  CN_CHECK(CodeOf(server.coordinator().Show(unknown).status()) == ErrorCode::kJobNotFound);
  // The fuzzer does not guess a federation and a validity: an empty envelope stands for a right
  // one.
  Bytes envelope(AsBytes(request.envelope()).begin(), AsBytes(request.envelope()).end());
  if (envelope.empty()) {
    wire::Envelope right;
    right.federation = "fuzzed";
    right.expiry = int64_t{1} << 50;
    envelope = wire::EncodeEnvelope(right);
  }
  const auto submitted = server.coordinator().Submit("ada", envelope, AsBytes(request.file()));
  CN_CHECK(submitted.ok() || CodeOf(submitted.status()).has_value());
  if (submitted.ok()) CheckTaken(server, submitted->job);
}

}  // namespace
}  // namespace consilium::server::round

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::server::round::Run(data, size);
  return 0;
}
