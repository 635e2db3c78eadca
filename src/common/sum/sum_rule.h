// How values become limbs, and limbs a report: the arithmetic of the exact sum without its memory.
//
// ExactSum holds all limbs of a layout; the fold on disk (server/store/update_fold.h) holds those
// of one block. Both call this, so both give the same bits. Why it is exact: exact_sum.h.
// A limb plane: float32 tensors have one (`high`), float64 tensors two.
// Thread-safe when const; Add and Report touch only the limbs that they are given.
#ifndef CONSILIUM_COMMON_SUM_SUM_RULE_H_
#define CONSILIUM_COMMON_SUM_SUM_RULE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tensor/layout.h"

namespace consilium::sum {

inline constexpr uint32_t kMaxWeight = uint32_t{1} << 29;
inline constexpr uint32_t kDefaultWeightCap = uint32_t{1} << 20;

// Above this a contribution would keep fewer than 39 bits below its bound.
inline constexpr uint32_t kMaxContributions = (uint32_t{1} << 24) - 1;

struct SumOptions {
  uint32_t weight_cap = kDefaultWeightCap;  // u = smallest power of two >= weight_cap
  uint32_t max_contributions = 4095;        // more widens the quantum by a bit per doubling
  friend bool operator==(const SumOptions&, const SumOptions&) = default;
};

// What was counted so far.
struct SumTotals {
  uint64_t weight = 0;  // sum of the capped weights
  uint32_t contributions = 0;
  friend bool operator==(const SumTotals&, const SumTotals&) = default;
};

// One update's values of a run of elements of one tensor, at any alignment.
struct WeightedRun {
  uint32_t weight = 1;
  const std::byte* values = nullptr;
};

// The limbs of a run. `low` is used by float64 tensors only.
struct Limbs {
  uint64_t* high = nullptr;
  uint64_t* low = nullptr;
};
struct ConstLimbs {
  const uint64_t* high = nullptr;
  const uint64_t* low = nullptr;
};

class SumRule {
 public:
  // kSumOverflow when weight_cap is not in 1..kMaxWeight or max_contributions not in
  // 1..kMaxContributions: sums of 64 bits could then wrap.
  static absl::StatusOr<SumRule> Create(const tensor::Layout& layout, const SumOptions& options);

  const tensor::Layout& layout() const { return layout_; }
  const SumOptions& options() const { return options_; }
  // Every tensor as float64, same names and shapes.
  const tensor::Layout& report_layout() const { return report_layout_; }
  // 1 for float32, 2 for float64.
  int PlanesOf(size_t tensor) const;

  // kSumOverflow past max_contributions, kUpdateWeight on weight 0; nothing is counted then.
  absl::Status Count(uint32_t weight, SumTotals& totals) const;
  // kSumOverflow when both are more than max_contributions.
  absl::Status Merge(const SumTotals& other, SumTotals& totals) const;

  // Adds `count` elements of each run. REQUIRES: the values were validated (exact_sum.h).
  void Add(size_t tensor, std::span<const WeightedRun> runs, uint64_t count,
           const Limbs& limbs) const;
  // float32: the mean. float64: the sum. REQUIRES: totals.contributions > 0.
  void Report(size_t tensor, const SumTotals& totals, const ConstLimbs& limbs,
              std::span<double> out) const;

 private:
  SumRule(tensor::Layout layout, tensor::Layout report_layout, SumOptions options);
  int QuantumLog2(size_t tensor) const;  // of the only or the high limb
  // u = 2^WeightShift() for tensors weighted by samples.
  int WeightShift() const;
  // Bits of one contribution in a limb, below its bound: 51, less one per doubling beyond 4,095.
  int LimbBits() const;
  void AddFloat32(size_t tensor, std::span<const WeightedRun> runs, uint64_t first, uint64_t count,
                  uint64_t* limbs) const;

  tensor::Layout layout_;
  tensor::Layout report_layout_;
  SumOptions options_;
};

}  // namespace consilium::sum

#endif  // CONSILIUM_COMMON_SUM_SUM_RULE_H_
