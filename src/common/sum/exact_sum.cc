#include "common/sum/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/sum/kernel.h"
#include "common/sum/pieces.h"
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

// Every tensor as float64, same names and shapes.
absl::StatusOr<tensor::Layout> ReportLayoutOf(const tensor::Layout& layout) {
  std::vector<tensor::TensorSpec> specs = layout.tensors();
  for (tensor::TensorSpec& spec : specs) {
    spec.dtype = tensor::DType::kFloat64;
    spec.weighting = tensor::Weighting::kOne;
  }
  return tensor::Layout::Create(std::move(specs));
}

}  // namespace

ExactSum::ExactSum(tensor::Layout layout, tensor::Layout report_layout, SumOptions options)
    : layout_(std::move(layout)), report_layout_(std::move(report_layout)), options_(options) {
  uint64_t limbs = 0;
  columns_.reserve(layout_.size());
  for (const tensor::TensorSpec& spec : layout_.tensors()) {
    Column column;
    column.first_limb = limbs;
    column.elements = tensor::ElementsOf(spec);
    column.quantum_log2 = spec.bound_log2 - LimbBits();
    limbs += column.elements * (spec.dtype == tensor::DType::kFloat64 ? 2 : 1);
    columns_.push_back(column);
  }
  limbs_.resize(limbs);
}

absl::StatusOr<ExactSum> ExactSum::Create(const tensor::Layout& layout, const SumOptions& options) {
  CN_RETURN_IF_ERROR(CheckOptions(options));
  CN_ASSIGN_OR_RETURN(tensor::Layout report_layout, ReportLayoutOf(layout));
  return ExactSum(layout, std::move(report_layout), options);
}

int ExactSum::LimbBits() const {
  return kMostLimbBits - std::bit_width(options_.max_contributions / (kUnwidened + 1));
}

int ExactSum::WeightShift() const { return std::bit_width(options_.weight_cap - 1); }

absl::Status ExactSum::CountContribution(uint32_t weight) {
  if (weight == 0) {
    return Error(ErrorCode::kUpdateWeight, "weight is 0, want at least 1");
  }
  if (contributions_ >= options_.max_contributions) {
    return Error(ErrorCode::kSumOverflow,
                 fmt::format("one contribution more than the {} this sum was made for",
                             options_.max_contributions));
  }
  total_weight_ += std::min(weight, options_.weight_cap);
  ++contributions_;
  return absl::OkStatus();
}

absl::Status ExactSum::Accumulate(uint32_t weight, ByteSpan payload) {
  if (payload.size() != layout_.payload_bytes()) {
    return Error(ErrorCode::kUpdateLayout, fmt::format("payload of {} bytes, its layout wants {}",
                                                       payload.size(), layout_.payload_bytes()));
  }
  CN_RETURN_IF_ERROR(CountContribution(weight));
  const WeightedBlock block{weight, payload};
  AccumulateBlock(0, {&block, 1});
  return absl::OkStatus();
}

void ExactSum::AccumulateBlock(uint64_t offset, std::span<const WeightedBlock> blocks) {
  if (blocks.empty()) return;
  const uint64_t length = blocks.front().bytes.size();
  CN_CHECK(CheckBlock(layout_, offset, length).ok());
  for (const WeightedBlock& block : blocks) CN_CHECK(block.bytes.size() == length);
  for (const Piece& whole : PiecesOf(layout_, offset, length)) {
    const uint64_t size = tensor::BytesPerElement(layout_.tensors()[whole.tensor].dtype);
    for (uint64_t done = 0; done < whole.count; done += kElementsAtOnce) {
      Piece piece = whole;
      piece.first += done;
      piece.position += done * size;
      piece.count = std::min(kElementsAtOnce, whole.count - done);
      AddPiece(piece, blocks);
    }
  }
}

void ExactSum::AddPiece(const Piece& piece, std::span<const WeightedBlock> blocks) {
  const tensor::TensorSpec& spec = layout_.tensors()[piece.tensor];
  const Column& column = columns_[piece.tensor];
  const double magic = MagicOf(column.quantum_log2);
  uint64_t* limbs = limbs_.data() + column.first_limb + piece.first;
  if (spec.dtype == tensor::DType::kFloat64) {
    const double magic_low = MagicOf(column.quantum_log2 - LimbBits());
    const kernel::Float64Limbs both{magic, magic_low, limbs, limbs + column.elements};
    for (const WeightedBlock& block : blocks) {
      kernel::AddFloat64(block.bytes.data() + piece.position, both, piece.count);
    }
    return;
  }
  const bool by_samples = spec.weighting == tensor::Weighting::kSamples;
  while (!blocks.empty()) {
    const size_t count = std::min(blocks.size(), kRunsAtOnce);
    kernel::Float32Run runs[kRunsAtOnce];
    for (size_t i = 0; i < count; ++i) {
      const double weight = std::min(blocks[i].weight, options_.weight_cap);
      runs[i].values = blocks[i].bytes.data() + piece.position;
      runs[i].factor = by_samples ? std::ldexp(weight, -WeightShift()) : 1.0;
    }
    kernel::AddFloat32(runs, count, magic, limbs, piece.count);
    blocks = blocks.subspan(count);
  }
}

absl::Status ExactSum::MergeWith(const ExactSum& other) {
  if (!(layout_ == other.layout_) || !(options_ == other.options_)) {
    return Error(ErrorCode::kUpdateLayout, "two sums of different layouts or options do not merge");
  }
  if (other.contributions_ > options_.max_contributions - contributions_) {
    return Error(ErrorCode::kSumOverflow,
                 fmt::format("{} and {} contributions are more than the {} this sum was made for",
                             contributions_, other.contributions_, options_.max_contributions));
  }
  kernel::AddLimbs(other.limbs_.data(), limbs_.data(), limbs_.size());
  total_weight_ += other.total_weight_;
  contributions_ += other.contributions_;
  return absl::OkStatus();
}

SumReport ExactSum::Report() const {
  SumReport report;
  report.values = tensor::Bundle(report_layout_);
  report.total_weight = total_weight_;
  report.contributions = contributions_;
  if (contributions_ == 0) return report;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const std::span<double> out = report.values.Float64(i);
    if (layout_.tensors()[i].dtype == tensor::DType::kFloat64) {
      ReportSums(columns_[i], out);
    } else {
      ReportMeans(i, out);
    }
  }
  return report;
}

void ExactSum::ReportSums(const Column& column, std::span<double> out) const {
  const uint64_t* high = limbs_.data() + column.first_limb;
  const uint64_t* low = high + column.elements;
  const Int128 high_unit = Int128{1} << LimbBits();
  const int quantum_log2 = column.quantum_log2 - LimbBits();
  for (uint64_t e = 0; e < column.elements; ++e) {
    // One integer in the finer quantum, rounded once.
    const Int128 sum = static_cast<int64_t>(high[e]) * high_unit + static_cast<int64_t>(low[e]);
    out[e] = std::ldexp(static_cast<double>(sum), quantum_log2);
  }
}

void ExactSum::ReportMeans(size_t index, std::span<double> out) const {
  const Column& column = columns_[index];
  const bool by_samples = layout_.tensors()[index].weighting == tensor::Weighting::kSamples;
  const double unit = std::ldexp(1.0, column.quantum_log2 + (by_samples ? WeightShift() : 0));
  const auto divisor = static_cast<double>(by_samples ? total_weight_ : contributions_);
  const uint64_t* sums = limbs_.data() + column.first_limb;
  for (uint64_t e = 0; e < column.elements; ++e) {
    out[e] = static_cast<double>(static_cast<int64_t>(sums[e])) * unit / divisor;
  }
}

}  // namespace consilium::sum
