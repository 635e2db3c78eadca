// What any decoder must survive, tried on one valid encoding: every truncation, every changed byte,
// random bytes. A decoder never crashes, and whatever it accepts encodes to the very same bytes.
#ifndef CONSILIUM_TESTS_COMMON_WIRE_MUTATIONS_H_
#define CONSILIUM_TESTS_COMMON_WIRE_MUTATIONS_H_

#include <gtest/gtest.h>

#include <optional>

#include "common/base/bytes.h"
#include "common/base/random.h"

namespace consilium::wire {

// `reencode(bytes)` decodes and encodes again: nullopt when the bytes were refused.
template <typename Reencode>
void ExpectCanonical(const Reencode& reencode, ByteSpan bytes) {
  const std::optional<Bytes> again = reencode(bytes);
  if (again.has_value()) {
    ASSERT_EQ(*again, Bytes(bytes.begin(), bytes.end()));
  }
}

template <typename Reencode>
void ExpectStrict(const Reencode& reencode, const Bytes& valid) {
  ASSERT_TRUE(reencode(valid).has_value());
  for (size_t length = 0; length < valid.size(); ++length) {
    // An exact copy, so that a read past the end is seen by the address sanitizer.
    const Bytes cut(valid.begin(), valid.begin() + static_cast<ptrdiff_t>(length));
    ASSERT_FALSE(reencode(cut).has_value()) << "cut to " << length;
  }
  Bytes longer = valid;
  longer.push_back(std::byte{0});
  ASSERT_FALSE(reencode(longer).has_value()) << "a byte follows";
  Random random(valid.size());
  for (size_t at = 0; at < valid.size(); ++at) {
    for (int tries = 0; tries < 4; ++tries) {
      Bytes changed = valid;
      changed[at] ^= static_cast<std::byte>(1 + random.Below(255));
      ExpectCanonical(reencode, changed);
    }
  }
  for (int tries = 0; tries < 500; ++tries) {
    Bytes changed = valid;
    for (uint32_t i = 0; i <= random.Below(8); ++i) {
      changed[random.Below(static_cast<uint32_t>(changed.size()))] =
          static_cast<std::byte>(random.Below(256));
    }
    ExpectCanonical(reencode, changed);
  }
}

}  // namespace consilium::wire

#endif  // CONSILIUM_TESTS_COMMON_WIRE_MUTATIONS_H_
