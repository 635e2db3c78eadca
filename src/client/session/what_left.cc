#include "client/session/what_left.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/error.h"

namespace consilium::client::session {
namespace {

constexpr size_t kUsualRecordBytes = 512;

void PutDigest(ByteWriter& writer, const Digest& digest) {
  writer.PutBytes(std::as_bytes(std::span(digest.bytes)));
}

Digest GetDigest(ByteReader& reader) {
  Digest digest;
  const ByteSpan bytes = reader.GetBytes(digest.bytes.size());
  std::ranges::transform(bytes, digest.bytes.begin(),
                         [](std::byte b) { return static_cast<uint8_t>(b); });
  return digest;
}

absl::Status Corrupt(std::string_view what) { return Error(ErrorCode::kJournalCorrupt, what); }

}  // namespace

Bytes EncodeLeft(const LeftRecord& record) {
  Bytes bytes;
  bytes.reserve(kUsualRecordBytes);
  ByteWriter writer(bytes);
  writer.PutText(record.job.value());
  writer.Put(record.step.value());
  writer.Put(static_cast<uint8_t>(record.workload));
  PutDigest(writer, record.digest);
  writer.Put(record.bytes);
  PutDigest(writer, record.base_state);
  writer.Put(record.time);
  writer.PutText(record.researcher);
  writer.Put(static_cast<uint32_t>(record.tensors.size()));
  for (const LeftTensor& tensor : record.tensors) {
    writer.Put(static_cast<uint8_t>(tensor.tag));
    writer.PutText(tensor.name);
  }
  return bytes;
}

absl::StatusOr<LeftRecord> DecodeLeft(ByteSpan payload) {
  ByteReader reader(payload);
  LeftRecord record;
  record.job = JobId(std::string(reader.GetText(wire::kMaxTextBytes)));
  record.step = StepNumber(reader.Get<uint64_t>());
  record.workload = static_cast<wire::Workload>(reader.Get<uint8_t>());
  record.digest = GetDigest(reader);
  record.bytes = reader.Get<uint64_t>();
  record.base_state = GetDigest(reader);
  record.time = reader.Get<UtcMillis>();
  record.researcher = reader.GetText(wire::kMaxTextBytes);
  const auto count = reader.Get<uint32_t>();
  if (count > tensor::kMaxTensors) return Corrupt("a what-left record names too many tensors");
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    const auto tag = static_cast<tensor::Tag>(reader.Get<uint8_t>());
    record.tensors.push_back({std::string(reader.GetText(wire::kMaxTextBytes)), tag});
  }
  if (!reader.done()) return Corrupt("a what-left record is too short or too long");
  return record;
}

Bytes EncodeSettled(const SettledRecord& record) {
  Bytes bytes;
  bytes.reserve(kUsualRecordBytes);
  ByteWriter writer(bytes);
  writer.PutText(record.job.value());
  writer.Put(record.step.value());
  writer.Put(record.time);
  writer.Put(static_cast<uint8_t>(record.outcome));
  PutDigest(writer, record.digest);
  writer.PutText(record.text);
  writer.PutText(AsText(record.signature));
  return bytes;
}

absl::StatusOr<SettledRecord> DecodeSettled(ByteSpan payload) {
  ByteReader reader(payload);
  SettledRecord record;
  record.job = JobId(std::string(reader.GetText(wire::kMaxTextBytes)));
  record.step = StepNumber(reader.Get<uint64_t>());
  record.time = reader.Get<UtcMillis>();
  record.outcome = static_cast<wire::OutcomeKind>(reader.Get<uint8_t>());
  record.digest = GetDigest(reader);
  record.text = reader.GetText(wire::kMaxTextBytes);
  const ByteSpan signature = AsBytes(reader.GetText(wire::kMaxTextBytes));
  record.signature.assign(signature.begin(), signature.end());
  if (!reader.done()) return Corrupt("a record of what became of an update has a wrong length");
  return record;
}

Bytes EncodeContinued(const ContinuedRecord& record) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.Put(record.number);
  writer.Put(record.bytes);
  PutDigest(writer, record.digest);
  writer.Put(record.time);
  return bytes;
}

absl::StatusOr<ContinuedRecord> DecodeContinued(ByteSpan payload) {
  ByteReader reader(payload);
  ContinuedRecord record;
  record.number = reader.Get<uint64_t>();
  record.bytes = reader.Get<uint64_t>();
  record.digest = GetDigest(reader);
  record.time = reader.Get<UtcMillis>();
  if (!reader.done()) return Corrupt("a record of the file before has a wrong length");
  return record;
}

}  // namespace consilium::client::session
