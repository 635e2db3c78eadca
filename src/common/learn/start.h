// Where training starts, and what its random choices derive from.
#ifndef CONSILIUM_COMMON_LEARN_START_H_
#define CONSILIUM_COMMON_LEARN_START_H_

#include <optional>
#include <span>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/job/job_spec.h"
#include "common/tensor/layout.h"

namespace consilium::learn {

// The `seed` of the job as 8 little-endian bytes; without one, the job digest's 32.
Bytes SeedMaterial(const job::JobSpec& spec);

// The start parameters in order: zeros, or every one uniform in +-1/sqrt(inputs of its layer),
// drawn from Philox keyed by DeriveKey("consilium-init-v1", seed material). Not thread-safe.
class StartDraw {
 public:
  // REQUIRES: spec.model.start is kZeros or kSeed.
  StartDraw(const job::JobSpec& spec, tensor::Layout parameters);
  // The next values; not beyond the end of the tensor at hand.
  void Next(std::span<float> out);
  // Draws what stands before the tensor `name`, and lets it go: the values of a tensor do not
  // depend on who holds the others. REQUIRES: it is the one at hand, or a later one.
  void SkipTo(std::string_view name);

 private:
  void Enter(size_t tensor);

  const tensor::Layout parameters_;
  std::optional<Random> random_;  // nothing to draw: zeros
  size_t tensor_ = 0;
  uint64_t left_ = 0;  // of it
  double reach_ = 0;
};

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_START_H_
