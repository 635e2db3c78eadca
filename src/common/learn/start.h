// Where training starts, and what its random choices derive from.
#ifndef CONSILIUM_COMMON_LEARN_START_H_
#define CONSILIUM_COMMON_LEARN_START_H_

#include "common/base/bytes.h"
#include "common/job/job_spec.h"
#include "common/learn/model.h"

namespace consilium::learn {

// The `seed` of the job as 8 little-endian bytes; without one, the job digest's 32.
Bytes SeedMaterial(const job::JobSpec& spec);

// The start parameters, flat: zeros, or every one uniform in +-1/sqrt(inputs of its layer), drawn
// in order from Philox keyed by DeriveKey("consilium-init-v1", seed material). REQUIRES:
// spec.model.start is kZeros or kSeed.
AlignedVector<float> StartParameters(const job::JobSpec& spec, const tensor::Layout& parameters);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_START_H_
