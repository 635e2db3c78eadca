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
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/sum/sum_rule.h"
#include "common/tensor/bundle.h"
#include "common/tensor/layout.h"

namespace consilium::sum {

struct Piece;  // sum/pieces.h

// kUpdateNotFinite or kUpdateOutOfBound, naming tensor and index; kUpdateLayout on a wrong length
// or padding that is not zero.
// `payload` is a whole update's payload. O(elements).
absl::Status ValidateValues(const tensor::Layout& layout, ByteSpan payload);
// The same for a block that starts at byte `offset` of the payload; offset and length are multiples
// of 8 (so is a payload's length). For updates larger than memory.
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
  // kSumOverflow: SumRule::Create.
  static absl::StatusOr<ExactSum> Create(const tensor::Layout& layout, const SumOptions& options);

  // Adds one whole validated payload. REQUIRES: ValidateValues(layout, payload).ok(), and
  // 1 <= weight. A weight above the cap counts as the cap. kSumOverflow past max_contributions,
  // kUpdateWeight on weight 0; nothing is added then.
  absl::Status Accumulate(uint32_t weight, ByteSpan payload);
  // Adds a block of several updates at once (column order: see the fold). `offset` as in
  // ValidateBlock; all blocks have one length. Call CountContribution once per update as well,
  // before, so that no more than max_contributions are ever added.
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

  uint64_t total_weight() const { return totals_.weight; }
  uint32_t contributions() const { return totals_.contributions; }

 private:
  explicit ExactSum(SumRule rule);
  void AddPiece(const Piece& piece, std::span<const WeightedBlock> blocks);
  // The limbs of a tensor from element `first` on.
  Limbs LimbsOf(size_t tensor, uint64_t first = 0);

  SumRule rule_;
  SumTotals totals_;
  std::vector<uint64_t> first_limb_;  // of each tensor; float64: the high limbs, then the low ones
  std::vector<uint64_t> limbs_;       // modulo 2^64; read as int64
};

}  // namespace consilium::sum

#endif  // CONSILIUM_COMMON_SUM_EXACT_SUM_H_
