// The builds of the kernel (kernel.h) that this program holds, and the best one for this CPU.
//
// A program for every x86-64 would leave three quarters of the speed unused: vectors of 64 bytes
// instead of 16, and a fused multiply-add. All builds give the same bits (the product is exact, so
// fusing it changes nothing; a test compares them), so the choice shows in the time only.
// Thread-safe.
#ifndef CONSILIUM_COMMON_SUM_KERNELS_H_
#define CONSILIUM_COMMON_SUM_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/sum/kernel.h"

namespace consilium::sum {

// The functions of kernel.h in one build.
struct Kernels {
  const char* name;  // "x86-64-v4", "x86-64-v3", "portable"
  void (*add_float32)(const Float32Run* runs, size_t run_count, double magic, uint64_t* limbs,
                      size_t count);
  void (*add_float64)(const std::byte* values, const Float64Limbs& limbs, size_t count);
  void (*add_limbs)(const uint64_t* others, uint64_t* limbs, size_t count);
  bool (*any_beyond_float32)(const std::byte* values, size_t count, float bound);
  bool (*any_beyond_float64)(const std::byte* values, size_t count, double bound);
};

// Those that this CPU can run, the best first; never empty.
std::span<const Kernels> UsableKernels();
inline const Kernels& BestKernels() { return UsableKernels().front(); }

}  // namespace consilium::sum

#endif  // CONSILIUM_COMMON_SUM_KERNELS_H_
