#define CONSILIUM_SUM_KERNEL kernel_v3
#define CONSILIUM_RUN RunV3
#define CONSILIUM_MULTIPLY_ADD MultiplyAddV3
#include "tests/common/sum/kernel_build.inc"
