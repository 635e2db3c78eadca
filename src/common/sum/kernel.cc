#include "common/sum/kernel.h"

#include <cstring>
#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__)
#error "the exact sum needs IEEE arithmetic as written: build without -ffast-math"
#endif

namespace consilium::sum::CONSILIUM_SUM_KERNEL {
namespace {

template <typename T>
inline T Load(const std::byte* values, size_t index) {
  T value;
  std::memcpy(&value, values + index * sizeof(T), sizeof value);
  return value;
}

inline uint64_t BitsOf(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// As many elements as a register has limbs. Compilers convert floats by the full register and then
// shuffle halves; converting straight from memory does without, which is a quarter of the time.
#if defined(__AVX512F__)
#define CONSILIUM_SUM_LANES 8
using Limbs = __m512i;
inline Limbs LoadLimbs(const uint64_t* limbs) { return _mm512_loadu_si512(limbs); }
inline void StoreLimbs(uint64_t* limbs, Limbs sum) { _mm512_storeu_si512(limbs, sum); }
inline Limbs Repeat(uint64_t limb) { return _mm512_set1_epi64(static_cast<int64_t>(limb)); }
inline Limbs Add(Limbs a, Limbs b) { return _mm512_add_epi64(a, b); }
inline Limbs Moved(const std::byte* values, double factor, double magic) {
  // With a mask of all lanes: g++ 12 warns of its own header for the plain one.
  const __m512d wide =
      _mm512_maskz_cvtps_pd(0xFF, _mm256_loadu_ps(reinterpret_cast<const float*>(values)));
  return _mm512_castpd_si512(_mm512_fmadd_pd(wide, _mm512_set1_pd(factor), _mm512_set1_pd(magic)));
}
#elif defined(__AVX2__) && defined(__FMA__)
#define CONSILIUM_SUM_LANES 4
using Limbs = __m256i;
inline Limbs LoadLimbs(const uint64_t* limbs) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(limbs));
}
inline void StoreLimbs(uint64_t* limbs, Limbs sum) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(limbs), sum);
}
inline Limbs Repeat(uint64_t limb) { return _mm256_set1_epi64x(static_cast<int64_t>(limb)); }
inline Limbs Add(Limbs a, Limbs b) { return _mm256_add_epi64(a, b); }
inline Limbs Moved(const std::byte* values, double factor, double magic) {
  const __m256d wide = _mm256_cvtps_pd(_mm_loadu_ps(reinterpret_cast<const float*>(values)));
  return _mm256_castpd_si256(_mm256_fmadd_pd(wide, _mm256_set1_pd(factor), _mm256_set1_pd(magic)));
}
#endif

// One pass over the limbs for kRuns updates. The bits of M are subtracted once for all of them.
template <size_t kRuns>
void AddRuns(const Float32Run* runs, double magic, uint64_t* __restrict limbs, size_t count) {
  const std::byte* values[kRuns];
  double factors[kRuns];
  for (size_t r = 0; r < kRuns; ++r) {
    values[r] = runs[r].values;
    factors[r] = runs[r].factor;
  }
  const uint64_t offset = kRuns * BitsOf(magic);
  size_t i = 0;
#if defined(CONSILIUM_SUM_LANES)
  for (; i + CONSILIUM_SUM_LANES <= count; i += CONSILIUM_SUM_LANES) {
    Limbs sum = Add(LoadLimbs(limbs + i), Repeat(0 - offset));
    for (size_t r = 0; r < kRuns; ++r) {
      sum = Add(sum, Moved(values[r] + i * sizeof(float), factors[r], magic));
    }
    StoreLimbs(limbs + i, sum);
  }
#endif
  for (; i < count; ++i) {
    uint64_t sum = limbs[i] - offset;
    for (size_t r = 0; r < kRuns; ++r) {
      const double value = Load<float>(values[r], i);
      sum += BitsOf(factors[r] * value + magic);
    }
    limbs[i] = sum;
  }
}

// Blocks small enough that their verdict is soon known, large enough that the test costs nothing.
constexpr size_t kCheckedAtOnce = 1024;

// A float's bits without the sign order as its magnitude does, NaN and infinity above all finite
// values: `limit - magnitude` is negative exactly for what is beyond the bound.
template <typename Int>
bool AnyBeyond(const std::byte* values, size_t count, Int limit, Int without_sign) {
  for (size_t start = 0; start < count; start += kCheckedAtOnce) {
    const size_t end = count - start < kCheckedAtOnce ? count : start + kCheckedAtOnce;
    Int beyond = 0;
    for (size_t i = start; i < end; ++i) {
      beyond |= limit - (Load<Int>(values, i) & without_sign);
    }
    if (beyond < 0) return true;
  }
  return false;
}

}  // namespace

void AddFloat32(const Float32Run* runs, size_t run_count, double magic, uint64_t* limbs,
                size_t count) {
  for (; run_count >= 8; run_count -= 8, runs += 8) AddRuns<8>(runs, magic, limbs, count);
  for (; run_count >= 2; run_count -= 2, runs += 2) AddRuns<2>(runs, magic, limbs, count);
  if (run_count == 1) AddRuns<1>(runs, magic, limbs, count);
}

void AddFloat64(const std::byte* values, const Float64Limbs& limbs, size_t count) {
  const double magic_high = limbs.magic_high;
  const double magic_low = limbs.magic_low;
  const uint64_t offset_high = BitsOf(magic_high);
  const uint64_t offset_low = BitsOf(magic_low);
  uint64_t* __restrict high = limbs.high;
  uint64_t* __restrict low = limbs.low;
  for (size_t i = 0; i < count; ++i) {
    const double value = Load<double>(values, i);
    const double moved = value + magic_high;
    const double rest = value - (moved - magic_high);  // exact: Dekker 1971, section 2
    high[i] += BitsOf(moved) - offset_high;
    low[i] += BitsOf(rest + magic_low) - offset_low;
  }
}

void AddLimbs(const uint64_t* others, uint64_t* limbs, size_t count) {
  for (size_t i = 0; i < count; ++i) limbs[i] += others[i];
}

bool AnyBeyondFloat32(const std::byte* values, size_t count, float bound) {
  int32_t limit;
  std::memcpy(&limit, &bound, sizeof limit);
  return AnyBeyond<int32_t>(values, count, limit, INT32_MAX);
}

bool AnyBeyondFloat64(const std::byte* values, size_t count, double bound) {
  int64_t limit;
  std::memcpy(&limit, &bound, sizeof limit);
  return AnyBeyond<int64_t>(values, count, limit, INT64_MAX);
}

}  // namespace consilium::sum::CONSILIUM_SUM_KERNEL

#undef CONSILIUM_SUM_LANES
