// The kernel for x86-64-v4: CMakeLists.txt has the options.
#if defined(__x86_64__)
#define CONSILIUM_ROBUST_KERNEL kernel_x86_v4
#include "server/robust/kernel.cc"  // NOLINT(bugprone-suspicious-include): built once per target
#include "server/robust/kernels.h"

namespace consilium::server::robust {

extern const Kernels kKernelsV4;
const Kernels kKernelsV4 = {"x86-64-v4",
                            kernel_x86_v4::SortTile,
                            kernel_x86_v4::SquaredDistance,
                            kernel_x86_v4::SquaredDifference,
                            kernel_x86_v4::Dot,
                            kernel_x86_v4::AddScaled};

}  // namespace consilium::server::robust
#endif
