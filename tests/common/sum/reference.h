// The exact sum computed another way, with integers of 128 bits and no floating-point arithmetic;
// and seeded updates to compare on.
#ifndef CONSILIUM_TESTS_COMMON_SUM_REFERENCE_H_
#define CONSILIUM_TESTS_COMMON_SUM_REFERENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/sum/exact_sum.h"
#include "common/tensor/layout.h"

namespace consilium::sum {

__extension__ using Int128 = __int128;

struct TestUpdate {
  uint32_t weight = 1;
  Bytes payload;
};

// One tensor of each kind: weighted by samples or not, float32 and float64, odd element counts,
// small and large bounds.
tensor::Layout MixedLayout();
tensor::Layout OneTensor(tensor::DType dtype, int bound_log2, uint32_t elements,
                         tensor::Weighting weighting = tensor::Weighting::kOne);

// Values within each tensor's bound: of all exponents, both signs, with zeros of both signs,
// denormals and the bound itself among them.
Bytes RandomPayload(Random& random, const tensor::Layout& layout);
std::vector<TestUpdate> RandomUpdates(uint64_t seed, const tensor::Layout& layout, size_t count);

// All elements of the single tensor are `value`.
Bytes ConstantPayload(const tensor::Layout& layout, double value);

// round(x * weight / 2^weight_shift / 2^quantum_log2), ties to even.
Int128 RoundedQuanta(double x, uint32_t weight, int weight_shift, int quantum_log2);

// The limbs that the sum of `updates` must have, in the order of docs/formats/sum.md.
std::vector<int64_t> ReferenceLimbs(const tensor::Layout& layout, const SumOptions& options,
                                    const std::vector<TestUpdate>& updates);
// Those that a serialized sum holds.
std::vector<int64_t> LimbsOf(const tensor::Layout& layout, const ExactSum& sum);

}  // namespace consilium::sum

#endif  // CONSILIUM_TESTS_COMMON_SUM_REFERENCE_H_
