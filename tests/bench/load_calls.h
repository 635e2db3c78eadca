// The three calls of a load site. Each deletes itself when gRPC is done with it.
//
// Fetch and Submit are raw: payloads are counted or sent as slices and never copied. Private to
// the load generator.
#ifndef CONSILIUM_TESTS_BENCH_LOAD_CALLS_H_
#define CONSILIUM_TESTS_BENCH_LOAD_CALLS_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>

#include "common/base/mutex.h"
#include "common/wire/chunk.h"
#include "consilium/v1/federation.grpc.pb.h"
#include "tests/bench/load_site.h"

namespace consilium::bench {

using ::grpc::ByteBuffer;

inline constexpr size_t kSendPieceBytes = size_t{512} * 1024;

class LoadSite::AttendCall final
    : public ::grpc::ClientBidiReactor<v1::SiteFrame, v1::ServerFrame> {
 public:
  AttendCall(std::shared_ptr<LoadSite> site, const std::shared_ptr<::grpc::Channel>& channel);
  void Start(v1::SiteFrame hello);
  void Send(v1::SiteFrame frame);
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const ::grpc::Status& status) override;

 private:
  void WriteNextLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const std::shared_ptr<LoadSite> site_;
  const std::unique_ptr<v1::Federation::Stub> stub_;
  ::grpc::ClientContext context_;
  v1::ServerFrame incoming_;
  Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  v1::SiteFrame written_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::SiteFrame> outgoing_ ABSL_GUARDED_BY(mutex_);
};

// Reads a whole object; keeps its bytes only when they are few (a manifest).
class LoadSite::FetchCall final : public ::grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  using Done = std::function<void(Bytes kept)>;  // on success only
  FetchCall(std::shared_ptr<LoadSite> site, const std::shared_ptr<::grpc::Channel>& channel,
            Done done);
  void Start(const wire::FetchRequest& request);

  void OnReadDone(bool ok) override;
  void OnDone(const ::grpc::Status& status) override;

 private:
  const std::shared_ptr<LoadSite> site_;
  const Done done_;
  ::grpc::GenericStub stub_;
  ::grpc::ClientContext context_;
  ByteBuffer request_;
  ByteBuffer incoming_;
  Bytes kept_;
};

// What a site submits: its own header, then the shared payload.
struct LoadSite::Update {
  wire::UploadHeader header;
  Bytes head;
  std::shared_ptr<const LoadStep> step;
};

class LoadSite::SubmitCall final : public ::grpc::ClientBidiReactor<ByteBuffer, ByteBuffer> {
 public:
  SubmitCall(std::shared_ptr<LoadSite> site, const std::shared_ptr<::grpc::Channel>& channel,
             std::shared_ptr<const Update> update);
  void Start();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const ::grpc::Status& status) override;

 private:
  void WriteNextLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const std::shared_ptr<LoadSite> site_;
  const std::shared_ptr<const Update> update_;
  ::grpc::GenericStub stub_;
  ::grpc::ClientContext context_;
  ByteBuffer incoming_;
  Mutex mutex_;
  ByteBuffer written_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = true;  // the first chunk
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;   // the server said from where
  bool receipted_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t send_until_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace consilium::bench

#endif  // CONSILIUM_TESTS_BENCH_LOAD_CALLS_H_
