// The checksum of our records and files: CRC-32 as zlib, gzip and PNG have it (polynomial
// 0xEDB88320, reflected). Against torn and rotten bytes; whoever must not be fooled uses SHA-256.
#ifndef CONSILIUM_COMMON_BASE_CRC32_H_
#define CONSILIUM_COMMON_BASE_CRC32_H_

#include <cstdint>

#include "common/base/bytes.h"

namespace consilium {

// Of `bytes` behind others whose checksum is `so_far`; 0 when nothing is before. Thread-safe.
uint32_t Crc32Of(ByteSpan bytes, uint32_t so_far = 0);

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_CRC32_H_
