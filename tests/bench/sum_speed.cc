#include "tests/bench/sum_speed.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/sum/exact_sum.h"
#include "tests/bench/figures.h"

// The floors use what the CPU has, whatever the rest was built for.
#define CONSILIUM_BEST_CLONE \
  __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))

namespace consilium::bench {
namespace {

constexpr size_t kInputs = 8;
constexpr size_t kElements = 4096;  // 128 KiB of inputs
constexpr int kPasses = 9;
constexpr double kGigabyte = 1e9;

CONSILIUM_BEST_CLONE uint64_t SumOf(const uint64_t* words, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += words[i];
  return sum;
}

CONSILIUM_BEST_CLONE void AddEight(const float* const* inputs, float* __restrict out,
                                   size_t count) {
  const float *a = inputs[0], *b = inputs[1], *c = inputs[2], *d = inputs[3];
  const float *e = inputs[4], *f = inputs[5], *g = inputs[6], *h = inputs[7];
  for (size_t i = 0; i < count; ++i) {
    out[i] += ((a[i] + b[i]) + (c[i] + d[i])) + ((e[i] + f[i]) + (g[i] + h[i]));
  }
}

// The best of kPasses: what the core can do when nobody disturbs it.
template <typename Body>
double Best(double bytes, const Body& body) {
  double best = 0;
  for (int i = 0; i < kPasses; ++i) {
    const double start = ThreadCpuSeconds();
    body();
    best = std::max(best, bytes / (ThreadCpuSeconds() - start) / kGigabyte);
  }
  return best;
}

constexpr int kRepeats = 500;
constexpr double kBlockBytes = double{kInputs} * kElements * sizeof(float) * kRepeats;

}  // namespace

double ReadBandwidth() {
  constexpr size_t kWords = size_t{1} << 26;  // 512 MiB
  const std::vector<uint64_t> words(kWords, 1);
  uint64_t total = 0;
  const double speed =
      Best(kWords * sizeof(uint64_t), [&] { total += SumOf(words.data(), words.size()); });
  CN_CHECK(total == kWords * kPasses);
  return speed;
}

double ExactSumSpeed() {
  auto sum = Must(sum::ExactSum::Create(
      Must(tensor::Layout::Create({{.name = "w", .shape = {uint32_t{kElements}}}})), {}));
  const std::vector<Bytes> inputs(kInputs, Bytes(kElements * sizeof(float)));
  std::vector<sum::ExactSum::WeightedBlock> blocks;
  for (const Bytes& input : inputs) blocks.push_back({1000, input});
  return Best(kBlockBytes, [&] {
    for (int i = 0; i < kRepeats; ++i) sum.AccumulateBlock(0, blocks);
  });
}

double PlainAddSpeed() {
  const std::vector<std::vector<float>> inputs(kInputs, std::vector<float>(kElements, 1.0f));
  std::vector<const float*> pointers;
  for (const auto& input : inputs) pointers.push_back(input.data());
  std::vector<float> out(kElements);
  const double speed = Best(kBlockBytes, [&] {
    for (int i = 0; i < kRepeats; ++i) AddEight(pointers.data(), out.data(), kElements);
  });
  CN_CHECK(out[0] > 0);
  return speed;
}

}  // namespace consilium::bench
