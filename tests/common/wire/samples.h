// Values that the tests of this room encode.
#ifndef CONSILIUM_TESTS_COMMON_WIRE_SAMPLES_H_
#define CONSILIUM_TESTS_COMMON_WIRE_SAMPLES_H_

#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/tensor/layout.h"
#include "tests/support/digests.h"

namespace consilium::wire {

using consilium::testing::DigestOfByte;

inline JobId SomeJob() { return JobId("0123456789abcdef"); }

inline tensor::Layout SomeLayout() {
  using tensor::DType;
  using tensor::Tag;
  using tensor::Weighting;
  return *tensor::Layout::Create(
      {{"model.weight", {2, 3}, DType::kFloat32, 7, Weighting::kSamples, Tag::kUpdate},
       {"model.bias", {3}, DType::kFloat32, -5, Weighting::kOne, Tag::kUpdate},
       {"eval.rows", {1}, DType::kFloat64, 40, Weighting::kOne, Tag::kCount}});
}

}  // namespace consilium::wire

#endif  // CONSILIUM_TESTS_COMMON_WIRE_SAMPLES_H_
