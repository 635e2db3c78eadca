#include "common/learn/dropout.h"

#include <algorithm>
#include <cmath>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/random.h"
#include "common/crypto/sha256.h"
#include "common/learn/start.h"

namespace consilium::learn {
namespace {

std::array<uint32_t, 2> KeyWords(const Digest& key) {
  ByteReader reader(std::as_bytes(std::span(key.bytes)));
  const auto first = reader.Get<uint32_t>();
  return {first, reader.Get<uint32_t>()};
}

}  // namespace

Digest DropoutKey(const job::JobSpec& spec, RoundNumber round, const SiteId& site) {
  const Bytes material = SeedMaterial(spec);
  Bytes number;
  ByteWriter(number).Put(round.value());
  const std::array<ByteSpan, 3> parts = {material, number, AsBytes(site.value())};
  return crypto::DeriveKey("consilium-dropout-v1", parts);
}

Dropout::Dropout(const Digest& key, double rate)
    : key_(KeyWords(key)), rate_(rate), below_(static_cast<uint32_t>(std::ldexp(rate, 32))) {
  CN_CHECK(rate >= 0 && rate < 1);
}

void Dropout::BeginStep(uint64_t step) {
  step_ = step;
  next_block_ = 0;
}

template <typename T>
void Dropout::Draw(std::span<T> units) {
  const T kept = static_cast<T>(1 / (1 - rate_));
  const auto low = [](uint64_t value) { return static_cast<uint32_t>(value); };
  const auto high = [](uint64_t value) { return static_cast<uint32_t>(value >> 32); };
  for (size_t first = 0; first < units.size(); first += 4, ++next_block_) {
    const std::array<uint32_t, 4> words =
        PhiloxBlock({low(next_block_), high(next_block_), low(step_), high(step_)}, key_);
    const size_t count = std::min<size_t>(4, units.size() - first);
    for (size_t i = 0; i < count; ++i) units[first + i] = words[i] < below_ ? T(0) : kept;
  }
}
template void Dropout::Draw(std::span<float> units);
template void Dropout::Draw(std::span<double> units);

}  // namespace consilium::learn
