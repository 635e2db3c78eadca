#include "server/robust/kernel.h"

#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__)
#error "the robust rules need IEEE arithmetic as written: build without -ffast-math"
#endif

namespace consilium::server::robust::CONSILIUM_ROBUST_KERNEL {
namespace {

constexpr size_t kLanes = 8;

// Eight lanes, in as many registers as the target needs.
using Floats [[gnu::vector_size(kLanes * sizeof(float))]] = float;
using Doubles [[gnu::vector_size(kLanes * sizeof(double))]] = double;

inline void LoadLanes(const std::byte* values, size_t first, size_t count, Doubles& out) {
  Floats narrow = {};
  std::memcpy(&narrow, values + first * sizeof(float), count * sizeof(float));
  out = __builtin_convertvector(narrow, Doubles);
}

inline double SumOfLanes(const Doubles& lanes) {
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

// The sum of what `add(first, count, lanes)` adds to the lanes; elements beyond the end are zeros.
template <typename Add>
inline double LaneSum(size_t count, const Add& add) {
  Doubles lanes = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) add(i, kLanes, lanes);
  if (i < count) add(i, count - i, lanes);
  return SumOfLanes(lanes);
}

// Part of two rows of a tile, by the widest register. Equal values stay where they are (the second
// operand of min and max), so that zeros of either sign go the same way in every build.
#if defined(__AVX512F__)
constexpr size_t kRow = 16;
inline void Exchange(float* low, float* high) {
  // With a mask of all lanes: g++ 12 warns of its own header for the plain one.
  const __m512 a = _mm512_loadu_ps(low);
  const __m512 b = _mm512_loadu_ps(high);
  _mm512_storeu_ps(low, _mm512_maskz_min_ps(0xFFFF, b, a));
  _mm512_storeu_ps(high, _mm512_maskz_max_ps(0xFFFF, a, b));
}
#elif defined(__AVX2__)
constexpr size_t kRow = 8;
inline void Exchange(float* low, float* high) {
  const __m256 a = _mm256_loadu_ps(low);
  const __m256 b = _mm256_loadu_ps(high);
  _mm256_storeu_ps(low, _mm256_min_ps(b, a));
  _mm256_storeu_ps(high, _mm256_max_ps(a, b));
}
#elif defined(__SSE2__)
constexpr size_t kRow = 4;
inline void Exchange(float* low, float* high) {
  const __m128 a = _mm_loadu_ps(low);
  const __m128 b = _mm_loadu_ps(high);
  _mm_storeu_ps(low, _mm_min_ps(b, a));
  _mm_storeu_ps(high, _mm_max_ps(a, b));
}
#else
constexpr size_t kRow = 1;
inline void Exchange(float* low, float* high) {
  const float a = *low;
  const float b = *high;
  *low = b < a ? b : a;
  *high = b < a ? a : b;
}
#endif

}  // namespace

void SortTile(const Comparator* network, size_t comparators, float* tile) {
  for (size_t k = 0; k < comparators; ++k) {
    float* low = tile + size_t{network[k].low} * kTileColumns;
    float* high = tile + size_t{network[k].high} * kTileColumns;
    for (size_t column = 0; column < kTileColumns; column += kRow) {
      Exchange(low + column, high + column);
    }
  }
}

double SquaredDistance(const std::byte* values, const double* centre, size_t count) {
  return LaneSum(count, [&](size_t first, size_t some, Doubles& lanes) {
    Doubles x;
    Doubles c = {};
    LoadLanes(values, first, some, x);
    std::memcpy(&c, centre + first, some * sizeof(double));
    lanes += (x - c) * (x - c);
  });
}

double SquaredDifference(const std::byte* a, const std::byte* b, size_t count) {
  return LaneSum(count, [&](size_t first, size_t some, Doubles& lanes) {
    Doubles x;
    Doubles y;
    LoadLanes(a, first, some, x);
    LoadLanes(b, first, some, y);
    lanes += (x - y) * (x - y);
  });
}

double Dot(const std::byte* a, const std::byte* b, size_t count) {
  return LaneSum(count, [&](size_t first, size_t some, Doubles& lanes) {
    Doubles x;
    Doubles y;
    LoadLanes(a, first, some, x);
    LoadLanes(b, first, some, y);
    lanes += x * y;
  });
}

void AddScaled(const std::byte* values, double factor, double* __restrict out, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    float x;
    std::memcpy(&x, values + i * sizeof x, sizeof x);
    out[i] += factor * double{x};
  }
}

}  // namespace consilium::server::robust::CONSILIUM_ROBUST_KERNEL
