#include "common/base/random.h"

#include <cmath>
#include <numbers>

namespace consilium {

std::array<uint32_t, 4> PhiloxBlock(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  constexpr uint32_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  constexpr int kRounds = 10;
  for (int i = 0; i < kRounds; ++i) {
    const uint64_t product0 = uint64_t{kMultiply0} * counter[0];
    const uint64_t product1 = uint64_t{kMultiply1} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Random::Random(const Digest& key) {
  const auto word = [&](size_t i) {
    return uint32_t{key.bytes[4 * i]} | uint32_t{key.bytes[4 * i + 1]} << 8 |
           uint32_t{key.bytes[4 * i + 2]} << 16 | uint32_t{key.bytes[4 * i + 3]} << 24;
  };
  key_ = {word(0), word(1)};
  counter_ = {0, 0, word(2), word(3)};
}

Random::Random(uint64_t seed)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)} {}

uint32_t Random::Next32() {
  if (used_ == block_.size()) {
    block_ = PhiloxBlock(counter_, key_);
    used_ = 0;
    if (++counter_[0] == 0) ++counter_[1];
  }
  return block_[used_++];
}

uint64_t Random::Next64() {
  const uint64_t low = Next32();
  return low | uint64_t{Next32()} << 32;
}

uint32_t Random::Below(uint32_t bound) {
  uint64_t product = uint64_t{Next32()} * bound;
  auto low = static_cast<uint32_t>(product);
  if (low < bound) {
    const uint32_t threshold = -bound % bound;
    while (low < threshold) {
      product = uint64_t{Next32()} * bound;
      low = static_cast<uint32_t>(product);
    }
  }
  return static_cast<uint32_t>(product >> 32);
}

double Random::Uniform() { return static_cast<double>(Next64() >> 11) * 0x1p-53; }

double Random::Normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * Uniform());
}

}  // namespace consilium
