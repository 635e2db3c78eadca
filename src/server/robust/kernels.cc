#include "server/robust/kernels.h"

#include <array>

namespace consilium::server::robust {

#if defined(__x86_64__)
// In kernel_x86_v3.cc and kernel_x86_v4.cc.
extern const Kernels kKernelsV3;
extern const Kernels kKernelsV4;
#endif

namespace {

constexpr Kernels kPortable = {
    "portable",  kernel::SortTile, kernel::SquaredDistance, kernel::SquaredDifference,
    kernel::Dot, kernel::AddScaled};

struct Usable {
  std::array<Kernels, 3> kernels;
  size_t count = 0;
};

Usable Find() {
  Usable usable;
  const auto add = [&usable](const Kernels& one) { usable.kernels[usable.count++] = one; };
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (v4) add(kKernelsV4);
  if (v3) add(kKernelsV3);
#endif
  add(kPortable);
  return usable;
}

}  // namespace

std::span<const Kernels> UsableKernels() {
  static const Usable usable = Find();
  return std::span(usable.kernels).first(usable.count);
}

}  // namespace consilium::server::robust
