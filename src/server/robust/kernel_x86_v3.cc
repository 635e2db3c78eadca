// The kernel for x86-64-v3: CMakeLists.txt has the options.
#if defined(__x86_64__)
#define CONSILIUM_ROBUST_KERNEL kernel_x86_v3
#include "server/robust/kernel.cc"  // NOLINT(bugprone-suspicious-include): built once per target
#include "server/robust/kernels.h"

namespace consilium::server::robust {

extern const Kernels kKernelsV3;
const Kernels kKernelsV3 = {"x86-64-v3",
                            kernel_x86_v3::SortTile,
                            kernel_x86_v3::SquaredDistance,
                            kernel_x86_v3::SquaredDifference,
                            kernel_x86_v3::Dot,
                            kernel_x86_v3::AddScaled};

}  // namespace consilium::server::robust
#endif
