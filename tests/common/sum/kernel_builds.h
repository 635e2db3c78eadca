// The kernel's source built again for other CPUs and with other options, to compare the bits.
#ifndef CONSILIUM_TESTS_COMMON_SUM_KERNEL_BUILDS_H_
#define CONSILIUM_TESTS_COMMON_SUM_KERNEL_BUILDS_H_

#include <cstddef>
#include <cstdint>

namespace consilium::sum {

// Plain pointers only: no inline function of a library may be built for two CPUs.
struct KernelWork {
  const std::byte* const* float32_runs;
  const double* factors;
  size_t run_count;
  const std::byte* float64_values;
  double magic;
  double magic_low;
  size_t count;
  // [count] each
  uint64_t* float32_limbs;
  uint64_t* high;
  uint64_t* low;
  bool beyond_float32;
  bool beyond_float64;
};

// Each does the same work with its own build of common/sum/kernel.cc.
void RunUnoptimised(KernelWork& work);  // -O0
void RunFused(KernelWork& work);        // x86-64-v3, -ffp-contract=fast
void RunV3(KernelWork& work);           // x86-64-v3, the project's options

// a * b + c as each build computes it.
double MultiplyAddFused(double a, double b, double c);
double MultiplyAddV3(double a, double b, double c);

}  // namespace consilium::sum

#endif  // CONSILIUM_TESTS_COMMON_SUM_KERNEL_BUILDS_H_
