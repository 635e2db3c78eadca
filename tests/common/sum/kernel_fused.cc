#define CONSILIUM_SUM_KERNEL kernel_fused
#define CONSILIUM_RUN RunFused
#define CONSILIUM_MULTIPLY_ADD MultiplyAddFused
#include "tests/common/sum/kernel_build.inc"
