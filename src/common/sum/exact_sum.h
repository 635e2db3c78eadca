// The exact sum of one step: the same counted updates give the same bits, whatever the order, the
// threads, the grouping, the restarts or the CPU. Why and how: docs/exact-sum.md (after the
// project's specification): each value, times an integer weight over a power of two, rounds once to
// a multiple of a quantum; integers are added modulo 2^64.
//
// float32: weight n (sample count, 1..2^29, capped) or 1 by the tensor's weighting; one int64 per
// element. float64: weight 1, two int64 limbs per element.
// A value that is not finite or exceeds its tensor's bound never reaches the sum: ValidateValues is
// called on the whole update first, and rejects it by tensor name and index.
// Not thread-safe; block ranges may be summed by separate objects and merged.
#ifndef CONSILIUM_COMMON_SUM_EXACT_SUM_H_
#define CONSILIUM_COMMON_SUM_EXACT_SUM_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/tensor/bundle.h"
#include "common/tensor/layout.h"

namespace consilium::sum {

inline constexpr uint32_t kMaxWeight = uint32_t{1} << 29;
inline constexpr uint32_t kDefaultWeightCap = uint32_t{1} << 20;

struct SumOptions {
  uint32_t weight_cap = kDefaultWeightCap;  // u = smallest power of two >= weight_cap
  uint32_t max_contributions = 4095;        // more widens the quantum by a bit per doubling
};

// kUpdateNotFinite or kUpdateOutOfBound, naming tensor and index; kUpdateLayout on a wrong length.
// `payload` is a whole update's payload. O(elements).
absl::Status ValidateValues(const tensor::Layout& layout, ByteSpan payload);
// The same for a block of whole elements that starts at byte `offset` of the payload (a multiple
// of 8; the length too, or it ends the payload). For updates larger than memory.
absl::Status ValidateBlock(const tensor::Layout& layout, uint64_t offset, ByteSpan block);

// The result of a step: per tensor the sum over the counted updates and, for float32, its mean.
struct SumReport {
  // float32 tensors -> float64 of the same name and shape: weighted mean (sum n x / sum n) for
  // kSamples, plain mean for kOne. float64 tensors: the SUM (statistics want sums).
  tensor::Bundle values;
  uint64_t total_weight = 0;  // sum of n
  uint32_t contributions = 0;
};

class ExactSum {
 public:
  // kSumOverflow when the bound, the cap and max_contributions do not fit 64 bits.
  static absl::StatusOr<ExactSum> Create(const tensor::Layout& layout, const SumOptions& options);

  // Adds one whole validated payload. REQUIRES: ValidateValues(layout, payload).ok(), and
  // 1 <= weight. A weight above the cap counts as the cap. kSumOverflow past max_contributions.
  absl::Status Accumulate(uint32_t weight, ByteSpan payload);
  // Adds a block of several updates at once (column order: see the fold). `offset` as in
  // ValidateBlock; all blocks have one length. Call CountContribution once per update as well.
  struct WeightedBlock {
    uint32_t weight;
    ByteSpan bytes;
  };
  void AccumulateBlock(uint64_t offset, std::span<const WeightedBlock> blocks);
  absl::Status CountContribution(uint32_t weight);

  // Adds another sum over the same layout and options (kUpdateLayout otherwise).
  absl::Status MergeWith(const ExactSum& other);
  SumReport Report() const;

  // docs/formats/sum.md: header, counters, then the limbs. Equal sums have equal bytes.
  Bytes Serialize() const;
  static absl::StatusOr<ExactSum> Deserialize(const tensor::Layout& layout, ByteSpan bytes);

  uint64_t total_weight() const { return total_weight_; }
  uint32_t contributions() const { return contributions_; }

 private:
  ExactSum(tensor::Layout layout, SumOptions options);
  tensor::Layout layout_;
  SumOptions options_;
  uint64_t total_weight_ = 0;
  uint32_t contributions_ = 0;
  std::vector<int64_t> limbs_;
};

}  // namespace consilium::sum

#endif  // CONSILIUM_COMMON_SUM_EXACT_SUM_H_
