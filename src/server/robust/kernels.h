// The builds of the kernel (kernel.h) that this program holds, and the best one for this CPU.
//
// All give the same bits; a test compares them. Thread-safe.
#ifndef CONSILIUM_SERVER_ROBUST_KERNELS_H_
#define CONSILIUM_SERVER_ROBUST_KERNELS_H_

#include <cstddef>
#include <span>

#include "server/robust/kernel.h"

namespace consilium::server::robust {

// The functions of kernel.h in one build.
struct Kernels {
  const char* name;  // "x86-64-v4", "x86-64-v3", "portable"
  void (*sort_tile)(const Comparator* network, size_t comparators, float* tile);
  double (*squared_distance)(const std::byte* values, const double* centre, size_t count);
  double (*squared_difference)(const std::byte* a, const std::byte* b, size_t count);
  double (*dot)(const std::byte* a, const std::byte* b, size_t count);
  void (*add_scaled)(const std::byte* values, double factor, double* out, size_t count);
};

// Those that this CPU can run, the best first; never empty.
std::span<const Kernels> UsableKernels();
inline const Kernels& BestKernels() { return UsableKernels().front(); }

}  // namespace consilium::server::robust

#endif  // CONSILIUM_SERVER_ROBUST_KERNELS_H_
