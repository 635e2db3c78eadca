// A site with an update to send: an open step on the server, the update's bytes, its epoch.
#ifndef CONSILIUM_TESTS_SERVER_RPC_UPLOAD_SITE_H_
#define CONSILIUM_TESTS_SERVER_RPC_UPLOAD_SITE_H_

#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "common/base/memory_storage.h"
#include "common/crypto/sha256.h"
#include "common/wire/layout_codec.h"
#include "common/wire/update_file.h"
#include "tests/server/rpc/live_server.h"

namespace consilium::server::rpc {

class UploadTest : public LiveServer {
 protected:
  uint32_t elements = 3'000'000;  // 12 MB: several windows

  void SetUp() override {
    LiveServer::SetUp();
    stub = Federation(Role::kSite, "north");
    attend = std::make_unique<HandAttend>(*stub);
    epoch = attend->Begin();
    ASSERT_GT(epoch, Epoch(0));
    OpenStep();
  }
  void TearDown() override {
    attend.reset();
    LiveServer::TearDown();
  }

  void OpenStep() {
    layout = tensor::Layout::Create({{.name = "w", .shape = {elements}}}).value();
    store::OpenStep step;
    step.job = key.job;
    step.step = key.step;
    step.base_state.bytes.fill(9);
    step.layout = layout;
    ASSERT_THAT(coordinator->updates().OpenForUploads(step, {key.site, SiteId("east")}, {}),
                testing::IsOk());
  }

  // All values the same.
  Bytes UpdateOf(float value, const SiteId& site = SiteId("north")) const {
    wire::UpdateHeader header;
    header.key = {key.job, key.step, site};
    header.base_state.bytes.fill(9);
    header.layout = wire::DigestOf(layout);
    header.weight = 10;
    header.support = {10};
    header.payload_bytes = layout.payload_bytes();
    Bytes bytes = wire::EncodeUpdateHeader(header);
    const size_t head = bytes.size();
    bytes.resize(head + header.payload_bytes);
    for (size_t i = 0; i < elements; ++i) {
      std::memcpy(bytes.data() + head + 4 * i, &value, sizeof value);
    }
    return bytes;
  }
  wire::UploadHeader HeaderOf(const Bytes& update) const {
    wire::UploadHeader header;
    header.key = key;
    header.epoch = epoch;
    header.digest = crypto::Sha256Of(update);
    header.bytes = update.size();
    return header;
  }

  const wire::TaskKey key{JobId("0123456789abcdef"), StepNumber(1), SiteId("north")};
  tensor::Layout layout;
  std::unique_ptr<v1::Federation::Stub> stub;
  std::unique_ptr<HandAttend> attend;
  Epoch epoch;
};

// A Submit call by hand.
class HandSubmit {
 public:
  explicit HandSubmit(v1::Federation::Stub& stub) : stream_(stub.Submit(&context_)) {}
  ~HandSubmit() { context_.TryCancel(); }
  bool Begin(const wire::UploadHeader& header) {
    v1::Chunk chunk;
    chunk.mutable_header()->set_total(header.bytes);
    chunk.mutable_header()->set_digest(wire::DigestBytes(header.digest));
    chunk.mutable_header()->set_epoch(header.epoch.value());
    chunk.mutable_header()->set_job_id(header.key.job.value());
    chunk.mutable_header()->set_step(header.key.step.value());
    return stream_->Write(chunk);
  }
  bool Send(uint64_t offset, ByteSpan payload) {
    v1::Chunk chunk;
    chunk.mutable_header()->set_offset(offset);
    chunk.set_payload(std::string(AsText(payload)));
    return stream_->Write(chunk);
  }
  std::optional<v1::SubmitReply> Hear() {
    v1::SubmitReply reply;
    if (!stream_->Read(&reply)) return std::nullopt;
    return reply;
  }
  // Replies until one satisfies `done`.
  template <typename Done>
  std::optional<v1::SubmitReply> HearUntil(Done done) {
    for (auto reply = Hear(); reply; reply = Hear()) {
      if (done(*reply)) return reply;
    }
    return std::nullopt;
  }
  ::grpc::Status End() {
    while (Hear()) {
    }
    return stream_->Finish();
  }

 private:
  Context context_;
  std::unique_ptr<::grpc::ClientReaderWriter<v1::Chunk, v1::SubmitReply>> stream_;
};

}  // namespace consilium::server::rpc

#endif  // CONSILIUM_TESTS_SERVER_RPC_UPLOAD_SITE_H_
