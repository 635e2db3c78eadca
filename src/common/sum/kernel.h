// The inner loops of the exact sum: portable C++ that a compiler vectorises, and the widest one by
// hand where the CPU has AVX2 or AVX-512.
//
// A value x times a factor f (an integer over a power of two, so f * x is exact in double) rounds
// once to a multiple of a quantum q by adding a magic number M = 1.5 * 2^52 * q: within
// |f * x| <= 2^51 * q the bits of the sum minus the bits of M are the integer round(f * x / q),
// ties to even. Integers are added modulo 2^64. Because f * x is exact, a fused multiply-add gives
// the same bits; fast-math does not, and does not compile (kernel.cc).
// Values are read at any alignment. Stateless; thread-safe on distinct limbs.
// The namespace has a name of its own so that builds for several CPUs lie side by side (kernels.h);
// hence plain pointers only: no inline function of a library may be compiled twice.
#ifndef CONSILIUM_COMMON_SUM_KERNEL_H_
#define CONSILIUM_COMMON_SUM_KERNEL_H_

#include <cstddef>
#include <cstdint>

#ifndef CONSILIUM_SUM_KERNEL
#define CONSILIUM_SUM_KERNEL kernel
#endif

namespace consilium::sum {

// One update's values of a block, and what each is multiplied by.
struct Float32Run {
  const std::byte* values;
  double factor;
};

// Where float64 values go: hi = round(x / q) and the rest, x - hi * q, in a finer quantum.
struct Float64Limbs {
  double magic_high;
  double magic_low;
  uint64_t* high;
  uint64_t* low;
};

namespace CONSILIUM_SUM_KERNEL {

using sum::Float32Run;
using sum::Float64Limbs;

// limbs[i] += sum over runs of round(factor * values[i] / q), for i < count.
// One pass over `limbs` serves up to 8 runs: keep the block within the L2 cache.
void AddFloat32(const Float32Run* runs, size_t run_count, double magic, uint64_t* limbs,
                size_t count);

void AddFloat64(const std::byte* values, const Float64Limbs& limbs, size_t count);

// limbs[i] += others[i].
void AddLimbs(const uint64_t* others, uint64_t* limbs, size_t count);

// Whether any of `count` values is NaN, infinite or beyond +-bound. Branch-free within a block.
bool AnyBeyondFloat32(const std::byte* values, size_t count, float bound);
bool AnyBeyondFloat64(const std::byte* values, size_t count, double bound);

}  // namespace CONSILIUM_SUM_KERNEL
}  // namespace consilium::sum

#endif  // CONSILIUM_COMMON_SUM_KERNEL_H_
