// The bytes of a journal's records and of its header: docs/formats/journal.md. Pure.
#ifndef CONSILIUM_COMMON_JOURNAL_RECORD_H_
#define CONSILIUM_COMMON_JOURNAL_RECORD_H_

#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/digest.h"

namespace consilium::journal {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kHeaderBytes = 16;
inline constexpr uint64_t kHeadBytes = 52;  // of a record: everything before its payload

struct RecordHead {
  uint32_t payload_bytes = 0;
  uint16_t kind = 0;
  uint16_t version = 1;
  uint32_t crc = 0;
  // Everything before this byte was durable when the record was appended.
  uint64_t durable = 0;
  Digest previous;  // SHA-256 of the record before, whole; zero for the first
};

Bytes EncodeHeader();
// REQUIRES: `bytes` has kHeadBytes.
RecordHead DecodeHead(ByteSpan bytes);
// Appends head and payload to `out`; payload_bytes and crc of `head` are filled in.
void EncodeRecord(const RecordHead& head, ByteSpan payload, Bytes& out);
// True when the crc of a whole record is right. REQUIRES: at least kHeadBytes.
bool HasRightCrc(ByteSpan record);

}  // namespace consilium::journal

#endif  // CONSILIUM_COMMON_JOURNAL_RECORD_H_
