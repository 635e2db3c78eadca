#include "common/sum/sum_rule.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/sum/kernels.h"
#include "fmt/format.h"

namespace consilium::sum {
namespace {

constexpr int kMostLimbBits = 51;           // of one contribution at full bound
constexpr uint32_t kUnwidened = 4095;       // 4095 * 2^51 < 2^63
constexpr uint64_t kElementsAtOnce = 4096;  // limbs and 8 inputs of a block: 160 KiB
constexpr size_t kRunsAtOnce = 8;

__extension__ using Int128 = __int128;

// 1.5 * 2^52 * q: adding it rounds to a multiple of q.
double MagicOf(int quantum_log2) { return std::ldexp(1.5, quantum_log2 + 52); }

absl::Status CheckOptions(const SumOptions& options) {
  if (options.weight_cap < 1 || options.weight_cap > kMaxWeight) {
    return Error(ErrorCode::kSumOverflow,
                 fmt::format("weight_cap is {}, want 1 to {}", options.weight_cap, kMaxWeight));
  }
  if (options.max_contributions < 1 || options.max_contributions > kMaxContributions) {
    return Error(ErrorCode::kSumOverflow,
                 fmt::format("max_contributions is {}, want 1 to {}", options.max_contributions,
                             kMaxContributions));
  }
  return absl::OkStatus();
}

absl::StatusOr<tensor::Layout> ReportLayoutOf(const tensor::Layout& layout) {
  std::vector<tensor::TensorSpec> specs = layout.tensors();
  for (tensor::TensorSpec& spec : specs) {
    spec.dtype = tensor::DType::kFloat64;
    spec.weighting = tensor::Weighting::kOne;
  }
  return tensor::Layout::Create(std::move(specs));
}

}  // namespace

SumRule::SumRule(tensor::Layout layout, tensor::Layout report_layout, SumOptions options)
    : layout_(std::move(layout)), report_layout_(std::move(report_layout)), options_(options) {}

absl::StatusOr<SumRule> SumRule::Create(const tensor::Layout& layout, const SumOptions& options) {
  CN_RETURN_IF_ERROR(CheckOptions(options));
  CN_ASSIGN_OR_RETURN(tensor::Layout report_layout, ReportLayoutOf(layout));
  return SumRule(layout, std::move(report_layout), options);
}

int SumRule::PlanesOf(size_t tensor) const {
  return layout_.tensors()[tensor].dtype == tensor::DType::kFloat64 ? 2 : 1;
}

int SumRule::LimbBits() const {
  return kMostLimbBits - std::bit_width(options_.max_contributions / (kUnwidened + 1));
}

int SumRule::WeightShift() const { return std::bit_width(options_.weight_cap - 1); }

int SumRule::QuantumLog2(size_t tensor) const {
  return layout_.tensors()[tensor].bound_log2 - LimbBits();
}

absl::Status SumRule::Count(uint32_t weight, SumTotals& totals) const {
  if (weight == 0) {
    return Error(ErrorCode::kUpdateWeight, "weight is 0, want at least 1");
  }
  if (totals.contributions >= options_.max_contributions) {
    return Error(ErrorCode::kSumOverflow,
                 fmt::format("one contribution more than the {} this sum was made for",
                             options_.max_contributions));
  }
  totals.weight += std::min(weight, options_.weight_cap);
  ++totals.contributions;
  return absl::OkStatus();
}

absl::Status SumRule::Merge(const SumTotals& other, SumTotals& totals) const {
  if (other.contributions > options_.max_contributions - totals.contributions) {
    return Error(
        ErrorCode::kSumOverflow,
        fmt::format("{} and {} contributions are more than the {} this sum was made for",
                    totals.contributions, other.contributions, options_.max_contributions));
  }
  totals.weight += other.weight;
  totals.contributions += other.contributions;
  return absl::OkStatus();
}

void SumRule::Add(size_t tensor, std::span<const WeightedRun> runs, uint64_t count,
                  const Limbs& limbs) const {
  if (PlanesOf(tensor) == 2) {
    const double magic = MagicOf(QuantumLog2(tensor));
    const double magic_low = MagicOf(QuantumLog2(tensor) - LimbBits());
    const Float64Limbs both{magic, magic_low, limbs.high, limbs.low};
    for (const WeightedRun& run : runs) BestKernels().add_float64(run.values, both, count);
    return;
  }
  for (uint64_t done = 0; done < count; done += kElementsAtOnce) {
    AddFloat32(tensor, runs, done, std::min(kElementsAtOnce, count - done), limbs.high + done);
  }
}

void SumRule::AddFloat32(size_t tensor, std::span<const WeightedRun> runs, uint64_t first,
                         uint64_t count, uint64_t* limbs) const {
  const bool by_samples = layout_.tensors()[tensor].weighting == tensor::Weighting::kSamples;
  const double magic = MagicOf(QuantumLog2(tensor));
  while (!runs.empty()) {
    const size_t some = std::min(runs.size(), kRunsAtOnce);
    Float32Run at_once[kRunsAtOnce];
    for (size_t i = 0; i < some; ++i) {
      const double weight = std::min(runs[i].weight, options_.weight_cap);
      at_once[i].values = runs[i].values + first * sizeof(float);
      at_once[i].factor = by_samples ? std::ldexp(weight, -WeightShift()) : 1.0;
    }
    BestKernels().add_float32(at_once, some, magic, limbs, count);
    runs = runs.subspan(some);
  }
}

void SumRule::Report(size_t tensor, const SumTotals& totals, const ConstLimbs& limbs,
                     std::span<double> out) const {
  if (PlanesOf(tensor) == 2) {
    const Int128 high_unit = Int128{1} << LimbBits();
    const int quantum_log2 = QuantumLog2(tensor) - LimbBits();
    for (size_t e = 0; e < out.size(); ++e) {
      // One integer in the finer quantum, rounded once.
      const Int128 sum =
          static_cast<int64_t>(limbs.high[e]) * high_unit + static_cast<int64_t>(limbs.low[e]);
      out[e] = std::ldexp(static_cast<double>(sum), quantum_log2);
    }
    return;
  }
  const bool by_samples = layout_.tensors()[tensor].weighting == tensor::Weighting::kSamples;
  const double unit = std::ldexp(1.0, QuantumLog2(tensor) + (by_samples ? WeightShift() : 0));
  const auto divisor = static_cast<double>(by_samples ? totals.weight : totals.contributions);
  for (size_t e = 0; e < out.size(); ++e) {
    out[e] = static_cast<double>(static_cast<int64_t>(limbs.high[e])) * unit / divisor;
  }
}

}  // namespace consilium::sum
