// Digests that a person can tell apart.
#ifndef CONSILIUM_TESTS_SUPPORT_DIGESTS_H_
#define CONSILIUM_TESTS_SUPPORT_DIGESTS_H_

#include <cstdint>

#include "common/base/digest.h"

namespace consilium::testing {

inline Digest DigestOfByte(uint8_t value) {
  Digest digest;
  digest.bytes.fill(value);
  return digest;
}

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_SUPPORT_DIGESTS_H_
