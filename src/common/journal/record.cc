#include "common/journal/record.h"

#include "common/base/crc32.h"

namespace consilium::journal {
namespace {

constexpr std::string_view kMagic = "CNJOURNL";
constexpr size_t kCrcAt = 8;
constexpr size_t kCrcEnd = kCrcAt + sizeof(uint32_t);

// Over the whole record but the crc itself.
uint32_t CrcOf(ByteSpan record) {
  return Crc32Of(record.subspan(kCrcEnd), Crc32Of(record.first(kCrcAt)));
}

}  // namespace

Bytes EncodeHeader() {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.PutBytes(AsBytes(kMagic));
  writer.Put(kFormatVersion);
  writer.Put(uint32_t{0});
  return bytes;
}

RecordHead DecodeHead(ByteSpan bytes) {
  ByteReader reader(bytes);
  RecordHead head;
  head.payload_bytes = reader.Get<uint32_t>();
  head.kind = reader.Get<uint16_t>();
  head.version = reader.Get<uint16_t>();
  head.crc = reader.Get<uint32_t>();
  head.durable = reader.Get<uint64_t>();
  const ByteSpan previous = reader.GetBytes(head.previous.bytes.size());
  std::memcpy(head.previous.bytes.data(), previous.data(), previous.size());
  return head;
}

void EncodeRecord(const RecordHead& head, ByteSpan payload, Bytes& out) {
  const size_t start = out.size();
  ByteWriter writer(out);
  writer.Put(static_cast<uint32_t>(payload.size()));
  writer.Put(head.kind);
  writer.Put(head.version);
  writer.Put(uint32_t{0});
  writer.Put(head.durable);
  writer.PutBytes(std::as_bytes(std::span(head.previous.bytes)));
  writer.PutBytes(payload);
  const uint32_t crc = CrcOf(ByteSpan(out).subspan(start));
  std::memcpy(out.data() + start + kCrcAt, &crc, sizeof crc);
}

bool HasRightCrc(ByteSpan record) { return CrcOf(record) == DecodeHead(record).crc; }

}  // namespace consilium::journal
