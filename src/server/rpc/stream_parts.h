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
#include "common/base/status_macros.h"
#include "common/base/storage.h"
#include "common/wire/chunk.h"
#include "common/wire/messages_proto.h"
#include "server/rpc/download_budget.h"
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

// One frame of a FileStream: its header, then `bytes` of the file from header.offset on.
// As a Protobuf message the payload is copied once more when it is serialised; raw it is not.
template <typename Frame>
absl::Status FillFrame(const FileReader& file, const wire::ChunkHeader& header, size_t bytes,
                       Frame& frame) {
  auto& out = *frame.mutable_header();
  out.set_offset(header.offset);
  out.set_total(header.total);
  out.clear_digest();
  if (header.digest) out.set_digest(wire::DigestBytes(*header.digest));
  std::string& payload = *frame.mutable_payload();
  payload.resize(bytes);
  return file.ReadAt(header.offset, std::as_writable_bytes(std::span<char>(payload)));
}
inline absl::Status FillFrame(const FileReader& file, const wire::ChunkHeader& header, size_t bytes,
                              ::grpc::ByteBuffer& frame) {
  const Bytes prefix = wire::EncodeChunkPrefix(header, bytes);
  auto payload = std::make_unique_for_overwrite<std::byte[]>(bytes);
  CN_RETURN_IF_ERROR(file.ReadAt(header.offset, std::span(payload.get(), bytes)));
  const auto drop = [](void* block) { delete[] static_cast<std::byte*>(block); };
  const ::grpc::Slice slices[] = {{prefix.data(), prefix.size()}, {payload.release(), bytes, drop}};
  frame = ::grpc::ByteBuffer(slices, bytes > 0 ? 2 : 1);
  return absl::OkStatus();
}

// Sends a file from an offset in pieces; one at a time is in memory, within the budget of all.
// `Frame` is ModelChunk, or ByteBuffer for a raw call that sends Chunk. The first frame carries the
// digest, every frame offset and total; an empty rest is one frame without payload.
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

  // `pool` and `budget` outlive the stream. `what` names the call in the log.
  FileStream(WorkerPool& pool, DownloadBudget& budget, std::string what, Open open)
      : pool_(pool), place_(budget), what_(std::move(what)), open_(std::move(open)) {
    OnWorker([this] { Begin(); });
  }

  void OnWriteDone(bool ok) override {
    frame_ = Frame();
    place_.GiveBack();
    if (!ok) return this->Finish(::grpc::Status(::grpc::StatusCode::CANCELLED, "the caller left"));
    if (source_.offset >= header_.total) return this->Finish(::grpc::Status::OK);
    header_.digest.reset();
    AskForPiece();
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
    header_.digest = source_.digest;
    header_.total = source_.reader->size();
    if (source_.offset >= header_.total) return SendPiece(0);
    AskForPiece();
  }

  // The grant may come on any thread, and the stream may be gone when this returns.
  void AskForPiece() {
    place_.Ask(header_.total - source_.offset,
               [this](uint64_t bytes) { OnWorker([this, bytes] { SendPiece(bytes); }); });
  }

  void SendPiece(size_t piece) {
    header_.offset = source_.offset;
    const absl::Status filled = FillFrame(*source_.reader, header_, piece, frame_);
    if (!filled.ok()) return this->Finish(Refuse(what_, filled));
    source_.offset += piece;
    this->StartWrite(&frame_);
  }

  WorkerPool& pool_;
  DownloadBudget::Place place_;
  const std::string what_;
  const Open open_;
  Source source_;
  wire::ChunkHeader header_;  // of the frame under way
  Frame frame_;
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_SERVER_RPC_STREAM_PARTS_H_
