#include "common/sum/exact_sum.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/sum/kernels.h"
#include "common/sum/pieces.h"
#include "fmt/format.h"

namespace consilium::sum {

ExactSum::ExactSum(SumRule rule) : rule_(std::move(rule)) {
  uint64_t limbs = 0;
  const std::vector<tensor::TensorSpec>& specs = rule_.layout().tensors();
  first_limb_.reserve(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    first_limb_.push_back(limbs);
    limbs += tensor::ElementsOf(specs[i]) * static_cast<uint64_t>(rule_.PlanesOf(i));
  }
  limbs_.resize(limbs);
}

absl::StatusOr<ExactSum> ExactSum::Create(const tensor::Layout& layout, const SumOptions& options) {
  CN_ASSIGN_OR_RETURN(SumRule rule, SumRule::Create(layout, options));
  return ExactSum(std::move(rule));
}

Limbs ExactSum::LimbsOf(size_t tensor, uint64_t first) {
  uint64_t* high = limbs_.data() + first_limb_[tensor] + first;
  const uint64_t elements = tensor::ElementsOf(rule_.layout().tensors()[tensor]);
  return {high, high + elements};  // a float32 tensor's are never looked at
}

absl::Status ExactSum::CountContribution(uint32_t weight) { return rule_.Count(weight, totals_); }

absl::Status ExactSum::Accumulate(uint32_t weight, ByteSpan payload) {
  if (payload.size() != rule_.layout().payload_bytes()) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("payload of {} bytes, its layout wants {}", payload.size(),
                             rule_.layout().payload_bytes()));
  }
  CN_RETURN_IF_ERROR(CountContribution(weight));
  const WeightedBlock block{weight, payload};
  AccumulateBlock(0, {&block, 1});
  return absl::OkStatus();
}

void ExactSum::AccumulateBlock(uint64_t offset, std::span<const WeightedBlock> blocks) {
  if (blocks.empty()) return;
  const uint64_t length = blocks.front().bytes.size();
  CN_CHECK(CheckBlock(rule_.layout(), offset, length).ok());
  for (const WeightedBlock& block : blocks) CN_CHECK(block.bytes.size() == length);
  for (const Piece& piece : PiecesOf(rule_.layout(), offset, length)) AddPiece(piece, blocks);
}

void ExactSum::AddPiece(const Piece& piece, std::span<const WeightedBlock> blocks) {
  std::vector<WeightedRun> runs;
  runs.reserve(blocks.size());
  for (const WeightedBlock& block : blocks) {
    runs.push_back({block.weight, block.bytes.data() + piece.position});
  }
  rule_.Add(piece.tensor, runs, piece.count, LimbsOf(piece.tensor, piece.first));
}

absl::Status ExactSum::MergeWith(const ExactSum& other) {
  if (!(rule_.layout() == other.rule_.layout()) || !(rule_.options() == other.rule_.options())) {
    return Error(ErrorCode::kUpdateLayout, "two sums of different layouts or options do not merge");
  }
  CN_RETURN_IF_ERROR(rule_.Merge(other.totals_, totals_));
  BestKernels().add_limbs(other.limbs_.data(), limbs_.data(), limbs_.size());
  return absl::OkStatus();
}

SumReport ExactSum::Report() const {
  SumReport report;
  report.values = tensor::Bundle(rule_.report_layout());
  report.total_weight = totals_.weight;
  report.contributions = totals_.contributions;
  if (totals_.contributions == 0) return report;
  for (size_t i = 0; i < first_limb_.size(); ++i) {
    const std::span<double> out = report.values.Float64(i);
    const uint64_t* high = limbs_.data() + first_limb_[i];
    rule_.Report(i, totals_, {high, high + out.size()}, out);
  }
  return report;
}

}  // namespace consilium::sum
