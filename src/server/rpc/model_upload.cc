#include "server/rpc/model_upload.h"

#include <cstring>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/wire/messages.h"
#include "common/wire/state_file.h"
#include "fmt/format.h"
#include "server/rpc/refusal.h"

namespace consilium::server::rpc {

ModelUpload::ModelUpload(store::StateStore& states, WorkerPool& pool, Limits limits,
                         v1::PutModelReply* reply)
    : states_(states), pool_(pool), limits_(limits), reply_(reply) {
  StartRead(&chunk_);
}

void ModelUpload::End(const absl::Status& status) {
  bytes_ = Bytes();
  limits_.open.fetch_sub(1);
  Finish(status.ok() ? ::grpc::Status::OK : Refuse("PutModel", status));
}

void ModelUpload::OnReadDone(bool ok) {
  if (ok) {
    if (const auto taken = Take(chunk_); !taken.ok()) return End(taken);
    return StartRead(&chunk_);
  }
  if (!pool_.TryRun([this] { End(Keep()); })) End(Overloaded());
}

absl::Status ModelUpload::Take(const v1::ModelChunk& chunk) {
  if (!begun_) {
    begun_ = true;
    total_ = chunk.header().total();
    if (total_ > limits_.most_bytes) {
      return Error(
          ErrorCode::kMessageTooLarge,
          fmt::format("the model has {} bytes, want at most {}", total_, limits_.most_bytes));
    }
    if (chunk.header().digest().size() != digest_.bytes.size()) {
      return Error(ErrorCode::kProtocol, "the first chunk of a model has no digest of 32 bytes");
    }
    std::memcpy(digest_.bytes.data(), chunk.header().digest().data(), digest_.bytes.size());
    bytes_.reserve(total_);
  }
  if (chunk.payload().size() > wire::kMaxChunkBytes) {
    return Error(ErrorCode::kMessageTooLarge,
                 fmt::format("a chunk has {} bytes, want at most {}", chunk.payload().size(),
                             wire::kMaxChunkBytes));
  }
  if (chunk.header().offset() != bytes_.size() || chunk.payload().size() > total_ - bytes_.size()) {
    return Error(ErrorCode::kProtocol, fmt::format("a chunk of {} bytes at {}, want it at {} of {}",
                                                   chunk.payload().size(), chunk.header().offset(),
                                                   bytes_.size(), total_));
  }
  const ByteSpan payload = AsBytes(chunk.payload());
  bytes_.insert(bytes_.end(), payload.begin(), payload.end());
  return absl::OkStatus();
}

absl::Status ModelUpload::Keep() {
  if (!begun_ || bytes_.size() != total_) {
    return Error(ErrorCode::kProtocol,
                 fmt::format("the model ended at {} of {} bytes", bytes_.size(), total_));
  }
  if (crypto::Sha256Of(bytes_) != digest_) {
    return Error(ErrorCode::kStateCorrupt,
                 "the model's bytes do not have the digest they came with",
                 "send it again; if it fails again, the file was damaged");
  }
  wire::State state;
  CN_ASSIGN_OR_RETURN(state.broadcast, wire::DecodeStatePart(bytes_));
  CN_ASSIGN_OR_RETURN(const store::StateStore::Hold held, states_.PutHeld(state));
  const Digest manifest = held.digest();
  CN_RETURN_IF_ERROR(states_.Pin(manifest));  // a person's: no job's end removes it
  reply_->set_state(manifest.bytes.data(), manifest.bytes.size());
  return absl::OkStatus();
}

}  // namespace consilium::server::rpc
