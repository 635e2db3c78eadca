// The kernel for x86-64-v4, its multiply-adds fused: CMakeLists.txt has the options.
#if defined(__x86_64__)
#define CONSILIUM_SUM_KERNEL kernel_x86_v4
#include "common/sum/kernel.cc"  // NOLINT(bugprone-suspicious-include): built once per target
#include "common/sum/kernels.h"

namespace consilium::sum {

extern const Kernels kKernelsV4;
const Kernels kKernelsV4 = {"x86-64-v4",
                            kernel_x86_v4::AddFloat32,
                            kernel_x86_v4::AddFloat64,
                            kernel_x86_v4::AddLimbs,
                            kernel_x86_v4::AnyBeyondFloat32,
                            kernel_x86_v4::AnyBeyondFloat64};

}  // namespace consilium::sum
#endif
