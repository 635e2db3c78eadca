// Small reactors that several calls share: one that only refuses, one that streams a file.
//
// gRPC's callback API: a reactor is told of finished reads and writes on gRPC's own threads, which
// must not block; disk work goes to the WorkerPool. Each reactor owns itself and deletes itself in
// OnDone, which comes after Finish and after every started operation has ended.
#ifndef CONSILIUM_SERVER_RPC_STREAM_PARTS_H_
#define CONSILIUM_SERVER_RPC_STREAM_PARTS_H_

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/wire/messages.h"
#include "server/rpc/refusal.h"
#include "server/rpc/worker_pool.h"

namespace consilium::server::rpc {

// Ends a streaming call at once.
template <typename Reactor>
class RefusedStream final : public Reactor {
 public:
  explicit RefusedStream(const ::grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

inline constexpr size_t kFilePieceBytes = size_t{512} * 1024;

// Sends a file from an offset in pieces of kFilePieceBytes; one piece in memory at a time. `Frame`
// is Chunk or ModelChunk. The first frame carries the digest, every frame offset and total; an
// empty rest is one frame without payload.
template <typename Frame>
class FileStream final : public ::grpc::ServerWriteReactor<Frame> {
 public:
  struct Source {
    std::unique_ptr<FileReader> reader;
    Digest digest;
    uint64_t offset = 0;
  };
  // Opens on a worker, since it may read the disk.
  using Open = std::function<absl::StatusOr<Source>()>;

  // `pool` outlives the stream. `what` names the call in the log.
  FileStream(WorkerPool& pool, std::string what, Open open)
      : pool_(pool), what_(std::move(what)), open_(std::move(open)) {
    OnWorker([this] { Begin(); });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(::grpc::Status(::grpc::StatusCode::CANCELLED, "the caller left"));
    if (source_.offset >= source_.reader->size()) return this->Finish(::grpc::Status::OK);
    frame_.mutable_header()->clear_digest();
    OnWorker([this] { SendPiece(); });
  }
  void OnDone() override { delete this; }

 private:
  void OnWorker(std::function<void()> task) {
    if (!pool_.TryRun(std::move(task))) this->Finish(Refuse(what_, Overloaded()));
  }

  void Begin() {
    auto source = open_();
    if (!source.ok()) return this->Finish(Refuse(what_, source.status()));
    source_ = *std::move(source);
    const auto* digest = reinterpret_cast<const char*>(source_.digest.bytes.data());
    frame_.mutable_header()->set_digest(digest, source_.digest.bytes.size());
    SendPiece();
  }

  void SendPiece() {
    const uint64_t total = source_.reader->size();
    const auto piece =
        static_cast<size_t>(std::min<uint64_t>(kFilePieceBytes, total - source_.offset));
    frame_.mutable_header()->set_offset(source_.offset);
    frame_.mutable_header()->set_total(total);
    std::string& payload = *frame_.mutable_payload();
    payload.resize(piece);
    const auto read =
        source_.reader->ReadAt(source_.offset, std::as_writable_bytes(std::span<char>(payload)));
    if (!read.ok()) return this->Finish(Refuse(what_, read));
    source_.offset += piece;
    this->StartWrite(&frame_);
  }

  WorkerPool& pool_;
  const std::string what_;
  const Open open_;
  Source source_;
  Frame frame_;
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_STREAM_PARTS_H_
