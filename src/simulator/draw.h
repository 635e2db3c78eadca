// The simulator's own randomness: one generator per purpose, from the seed of the simulation. The
// job's seeds are its own (docs/job-file.md): a simulation changes none of them.
#ifndef CONSILIUM_SIMULATOR_DRAW_H_
#define CONSILIUM_SIMULATOR_DRAW_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/crypto/sha256.h"

namespace consilium::simulator {

// DeriveKey("consilium-simulator-v1", purpose, seed as 8 little-endian bytes).
inline Random DrawFor(std::string_view purpose, uint64_t seed) {
  Bytes number;
  ByteWriter(number).Put(seed);
  const std::array<ByteSpan, 2> parts = {AsBytes(purpose), number};
  return Random(crypto::DeriveKey("consilium-simulator-v1", parts));
}

}  // namespace consilium::simulator

#endif  // CONSILIUM_SIMULATOR_DRAW_H_
