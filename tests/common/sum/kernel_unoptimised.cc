#define CONSILIUM_SUM_KERNEL kernel_unoptimised
#define CONSILIUM_RUN RunUnoptimised
#define CONSILIUM_MULTIPLY_ADD MultiplyAddUnoptimised
#include "tests/common/sum/kernel_build.inc"
