// PutModel: receives one state part in chunks, checks it, and keeps it as a state.
//
// Quota before allocation: the first chunk names the length, at most kMaxModelBytes; chunks come in
// order and the whole must have the digest of the first chunk. Deletes itself in OnDone.
#ifndef CONSILIUM_SERVER_RPC_MODEL_UPLOAD_H_
#define CONSILIUM_SERVER_RPC_MODEL_UPLOAD_H_

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "consilium/v1/control.pb.h"
#include "server/rpc/worker_pool.h"
#include "server/store/state_store.h"

namespace consilium::server::rpc {

class ModelUpload final : public ::grpc::ServerReadReactor<v1::ModelChunk> {
 public:
  struct Limits {
    uint64_t most_bytes;
    std::atomic<int>& open;  // was counted up for this one; counted down at its end
  };
  // References outlive the upload.
  ModelUpload(store::StateStore& states, WorkerPool& pool, Limits limits, v1::PutModelReply* reply);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  ~ModelUpload() override = default;
  // Once. Gives its place back before the caller can hear of it.
  void End(const absl::Status& status);
  // kMessageTooLarge, kProtocol.
  absl::Status Take(const v1::ModelChunk& chunk);
  absl::Status Keep();

  store::StateStore& states_;
  WorkerPool& pool_;
  const Limits limits_;
  v1::PutModelReply* const reply_;
  v1::ModelChunk chunk_;
  Bytes bytes_;
  uint64_t total_ = 0;
  Digest digest_;
  bool begun_ = false;
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_MODEL_UPLOAD_H_
