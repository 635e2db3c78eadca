#include "common/wire/chunk.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/wire/field_check.h"
#include "common/wire/messages_proto.h"
#include "consilium/v1/federation.pb.h"
#include "fmt/format.h"

namespace consilium::wire {
namespace {

constexpr uint8_t kHeaderTag = 1 << 3 | 2;    // field 1, length-delimited
constexpr uint8_t kPayloadTag = 15 << 3 | 2;  // field 15, length-delimited
constexpr size_t kMostVarintBytes = 10;
// Enough for every header we know with room for what newer ones add; a longer one is read in full.
constexpr size_t kGatheredBytes = 1024;

// The first bytes of a message, wherever its slices are cut.
class Head {
 public:
  explicit Head(std::span<const ByteSpan> slices) {
    for (const ByteSpan slice : slices) {
      const size_t count = std::min(slice.size(), bytes_.size() - size_);
      std::copy_n(slice.begin(), count, bytes_.begin() + static_cast<ptrdiff_t>(size_));
      size_ += count;
      if (size_ == bytes_.size()) break;
    }
  }
  ByteSpan bytes() const { return ByteSpan(bytes_).first(size_); }

 private:
  std::array<std::byte, kGatheredBytes> bytes_;
  size_t size_ = 0;
};

// A base-128 varint; nullopt when it is cut or longer than 64 bits.
std::optional<uint64_t> GetVarint(ByteReader& reader) {
  uint64_t value = 0;
  for (size_t i = 0; i < kMostVarintBytes; ++i) {
    const auto byte = reader.Get<uint8_t>();
    if (!reader.ok() || (i + 1 == kMostVarintBytes && byte > 1)) return std::nullopt;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

void PutVarint(ByteWriter& writer, uint64_t value) {
  for (; value >= 0x80; value >>= 7) writer.Put(static_cast<uint8_t>(value | 0x80));
  writer.Put(static_cast<uint8_t>(value));
}

// Where header and payload lie in a message of the usual form.
struct Anatomy {
  ByteSpan header;              // within the head
  uint64_t payload_offset = 0;  // within the message
  uint64_t payload_bytes = 0;
};

std::optional<Anatomy> Dissect(ByteSpan head, uint64_t message_bytes) {
  ByteReader reader(head);
  if (reader.Get<uint8_t>() != kHeaderTag) return std::nullopt;
  const std::optional<uint64_t> header_bytes = GetVarint(reader);
  if (!header_bytes.has_value()) return std::nullopt;
  Anatomy anatomy;
  anatomy.header = reader.GetBytes(*header_bytes);
  if (reader.Get<uint8_t>() != kPayloadTag) return std::nullopt;
  const std::optional<uint64_t> payload_bytes = GetVarint(reader);
  if (!payload_bytes.has_value()) return std::nullopt;
  anatomy.payload_offset = head.size() - reader.left();
  anatomy.payload_bytes = *payload_bytes;
  if (message_bytes - anatomy.payload_offset != anatomy.payload_bytes) return std::nullopt;
  return anatomy;
}

// `slices` without their first `skipped` bytes.
std::vector<ByteSpan> Behind(std::span<const ByteSpan> slices, uint64_t skipped) {
  std::vector<ByteSpan> rest;
  for (const ByteSpan slice : slices) {
    if (skipped >= slice.size()) {
      skipped -= slice.size();
      continue;
    }
    rest.push_back(slice.subspan(skipped));
    skipped = 0;
  }
  return rest;
}

absl::Status ReadHeader(const v1::ChunkHeader& proto, ChunkHeader& header) {
  FieldCheck check("ChunkHeader");
  header.offset = proto.offset();
  header.total = proto.total();
  if (!proto.digest().empty()) header.digest = check.Sha256("digest", proto.digest());
  header.epoch = Epoch(proto.epoch());
  if (!proto.job_id().empty()) header.job = check.Job(proto.job_id());
  header.step = StepNumber(proto.step());
  return check.status();
}

absl::Status CheckSizes(const ParsedChunk& chunk) {
  if (chunk.payload_bytes > kMaxChunkBytes) {
    return Error(ErrorCode::kMessageTooLarge, fmt::format("a chunk of {} bytes, want at most {}",
                                                          chunk.payload_bytes, kMaxChunkBytes));
  }
  const ChunkHeader& header = chunk.header;
  if (header.total != 0 &&
      (header.offset > header.total || chunk.payload_bytes > header.total - header.offset)) {
    return Error(ErrorCode::kProtocol,
                 fmt::format("a chunk of {} bytes at offset {} is beyond the whole of {} bytes",
                             chunk.payload_bytes, header.offset, header.total));
  }
  return absl::OkStatus();
}

absl::Status ReadInFull(std::span<const ByteSpan> slices, ParsedChunk& chunk) {
  Bytes message;
  for (const ByteSpan slice : slices) message.insert(message.end(), slice.begin(), slice.end());
  v1::Chunk proto;
  if (!proto.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return Error(ErrorCode::kProtocol, "a chunk that is not Protobuf");
  }
  CN_RETURN_IF_ERROR(ReadHeader(proto.header(), chunk.header));
  const ByteSpan payload = AsBytes(proto.payload());
  chunk.copied.assign(payload.begin(), payload.end());
  chunk.payload_bytes = payload.size();
  if (!chunk.copied.empty()) chunk.payload.push_back(chunk.copied);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ParsedChunk> ParseChunk(std::span<const ByteSpan> slices) {
  uint64_t message_bytes = 0;
  for (const ByteSpan slice : slices) message_bytes += slice.size();
  if (message_bytes > kMaxChunkMessageBytes) {
    return Error(ErrorCode::kMessageTooLarge,
                 fmt::format("a chunk message of {} bytes, want at most {}", message_bytes,
                             kMaxChunkMessageBytes));
  }
  ParsedChunk chunk;
  const Head head(slices);
  const std::optional<Anatomy> anatomy = Dissect(head.bytes(), message_bytes);
  if (anatomy.has_value()) {
    v1::ChunkHeader proto;
    if (!proto.ParseFromArray(anatomy->header.data(), static_cast<int>(anatomy->header.size()))) {
      return Error(ErrorCode::kProtocol, "a chunk header that is not Protobuf");
    }
    CN_RETURN_IF_ERROR(ReadHeader(proto, chunk.header));
    chunk.payload_bytes = anatomy->payload_bytes;
    chunk.payload = Behind(slices, anatomy->payload_offset);
  } else {
    CN_RETURN_IF_ERROR(ReadInFull(slices, chunk));
  }
  CN_RETURN_IF_ERROR(CheckSizes(chunk));
  return chunk;
}

Bytes EncodeChunkPrefix(const ChunkHeader& header, uint64_t payload_bytes) {
  CN_CHECK(payload_bytes <= kMaxChunkBytes);
  v1::ChunkHeader proto;
  proto.set_offset(header.offset);
  proto.set_total(header.total);
  if (header.digest.has_value()) proto.set_digest(DigestBytes(*header.digest));
  proto.set_epoch(header.epoch.value());
  proto.set_job_id(header.job.value());
  proto.set_step(header.step.value());
  const std::string encoded = proto.SerializeAsString();
  Bytes out;
  ByteWriter writer(out);
  writer.Put(kHeaderTag);
  PutVarint(writer, encoded.size());
  writer.PutBytes(AsBytes(encoded));
  if (payload_bytes > 0) {
    writer.Put(kPayloadTag);
    PutVarint(writer, payload_bytes);
  }
  return out;
}

absl::StatusOr<UploadHeader> UploadHeaderOf(const ChunkHeader& header, const SiteId& site) {
  if (!header.digest.has_value() || header.job.empty() || header.step.value() == 0 ||
      header.total == 0) {
    return Error(ErrorCode::kProtocol,
                 "the first chunk of an upload lacks its digest, job, step or total");
  }
  UploadHeader upload;
  upload.key = {header.job, header.step, site};
  upload.epoch = header.epoch;
  upload.digest = *header.digest;
  upload.bytes = header.total;
  upload.offset = header.offset;
  return upload;
}

ChunkHeader ChunkHeaderOf(const UploadHeader& upload) {
  ChunkHeader header;
  header.offset = upload.offset;
  header.total = upload.bytes;
  header.digest = upload.digest;
  header.epoch = upload.epoch;
  header.job = upload.key.job;
  header.step = upload.key.step;
  return header;
}

}  // namespace consilium::wire
