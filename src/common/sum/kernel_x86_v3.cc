// The kernel for x86-64-v3, its multiply-adds fused: CMakeLists.txt has the options.
#if defined(__x86_64__)
#define CONSILIUM_SUM_KERNEL kernel_x86_v3
#include "common/sum/kernel.cc"  // NOLINT(bugprone-suspicious-include): built once per target
#include "common/sum/kernels.h"

namespace consilium::sum {

extern const Kernels kKernelsV3;
const Kernels kKernelsV3 = {"x86-64-v3",
                            kernel_x86_v3::AddFloat32,
                            kernel_x86_v3::AddFloat64,
                            kernel_x86_v3::AddLimbs,
                            kernel_x86_v3::AnyBeyondFloat32,
                            kernel_x86_v3::AnyBeyondFloat64};

}  // namespace consilium::sum
#endif
