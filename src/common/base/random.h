// Philox4x32-10, a counter-based generator: the same key gives the same numbers on every machine.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011, sec. 3.3.
//
// Keyed by 32 bytes, usually SHA-256(tag, job digest or seed, round, site): crypto/derive.h.
// Not for secrets: those come from the operating system. No std:: distribution is used anywhere,
// because their results differ between standard libraries. Not thread-safe.
#ifndef CONSILIUM_COMMON_BASE_RANDOM_H_
#define CONSILIUM_COMMON_BASE_RANDOM_H_

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "common/base/digest.h"

namespace consilium {

// One block of the cipher: counter and key to four words (the paper's known-answer vectors hold).
std::array<uint32_t, 4> PhiloxBlock(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

class Random {
 public:
  // Key words 0-1 from bytes 0-7, counter words 2-3 from bytes 8-15 (little-endian).
  explicit Random(const Digest& key);
  // For tests and simulations.
  explicit Random(uint64_t seed);

  uint32_t Next32();
  uint64_t Next64();
  // Uniform in [0, bound), unbiased (Lemire 2019, "Fast random integer generation in an interval").
  // REQUIRES: bound > 0.
  uint32_t Below(uint32_t bound);
  // Uniform in [0, 1), 53 bits.
  double Uniform();
  // Standard normal, Box-Muller on Uniform(); model starts only, never privacy noise.
  double Normal();

  // Fisher-Yates, from the last element down.
  template <typename T>
  void Shuffle(std::span<T> values) {
    for (size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[Below(static_cast<uint32_t>(i))]);
    }
  }

 private:
  std::array<uint32_t, 2> key_{};
  std::array<uint32_t, 4> counter_{};
  std::array<uint32_t, 4> block_{};
  unsigned used_ = 4;
};

}  // namespace consilium

#endif  // CONSILIUM_COMMON_BASE_RANDOM_H_
