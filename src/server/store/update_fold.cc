#include "server/store/update_fold.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/sum/sum_file.h"

namespace consilium::server::store {
namespace {

// One pass. Not reused.
class FoldPass {
 public:
  FoldPass(const sum::SumRule& rule, const FoldInput& input, AppendFile& out, ReportSink* report)
      : rule_(rule),
        columns_(input.columns),
        previous_(input.previous),
        hashed_(input.hashed),
        carried_(input.carried),
        carried_tensors_(input.carried_tensors),
        out_(out),
        report_(report) {}

  absl::StatusOr<Folded> Run() {
    CN_RETURN_IF_ERROR(Begin());
    const std::vector<tensor::TensorSpec>& specs = rule_.layout().tensors();
    for (size_t i = 0; i < specs.size(); ++i) {
      const uint64_t elements = tensor::ElementsOf(specs[i]);
      CN_RETURN_IF_ERROR(FoldTensor(i, elements));
      first_limb_ += elements * static_cast<uint64_t>(rule_.PlanesOf(i));
    }
    if (previous_ != nullptr) CN_RETURN_IF_ERROR(previous_->CheckEnd(previous_crc_));
    const Bytes tail = sum::EncodeSumTail(crc_);
    CN_RETURN_IF_ERROR(Write(tail));
    return Folded{hashed_ ? hash_.Current() : Digest{}, written_, totals_};
  }

 private:
  absl::Status Begin() {
    if (previous_ != nullptr) {
      if (!(previous_->head().options == rule_.options())) {
        return Error(ErrorCode::kUpdateLayout, "the sum so far has other options");
      }
      totals_ = previous_->head().totals;
      CN_ASSIGN_OR_RETURN(previous_crc_, previous_->CrcOfHead());
    }
    for (const ColumnInput& input : columns_.inputs()) {
      CN_RETURN_IF_ERROR(rule_.Count(input.weight, totals_));
    }
    return Write(sum::EncodeSumHead(rule_.layout(), {rule_.options(), totals_}));
  }

  // A file is only appended to: a float64 tensor's high limbs come all before its low ones, so one
  // that is larger than a block is walked twice.
  absl::Status FoldTensor(size_t tensor, uint64_t elements) {
    const int planes = rule_.PlanesOf(tensor);
    const uint64_t block = columns_.block_elements();
    if (planes == 1 || elements <= block) return FoldPlane(tensor, elements, 0, planes);
    CN_RETURN_IF_ERROR(FoldPlane(tensor, elements, 0, 1));
    return FoldPlane(tensor, elements, 1, 2);
  }

  // Writes planes [from, until) of a tensor.
  absl::Status FoldPlane(size_t tensor, uint64_t elements, int from, int until) {
    const uint64_t block = columns_.block_elements();
    for (uint64_t first = 0; first < elements; first += block) {
      const uint64_t count = std::min(block, elements - first);
      CN_RETURN_IF_ERROR(SumBlock(tensor, elements, first, count));
      for (int plane = from; plane < until; ++plane) {
        const ByteSpan limbs = std::as_bytes(std::span(limbs_[plane]).first(count));
        CN_RETURN_IF_ERROR(Write(limbs));
        if (previous_ != nullptr) {
          const ByteSpan before = std::as_bytes(std::span(before_[plane]).first(count));
          previous_crc_ = Crc32Of(before, previous_crc_);
        }
      }
      const bool whole = until == rule_.PlanesOf(tensor);
      if (report_ == nullptr || !whole) continue;
      means_.assign(count, 0.0);
      if (totals_.contributions > 0) {
        rule_.Report(tensor, totals_, {limbs_[0].data(), limbs_[1].data()}, means_);
      }
      CN_RETURN_IF_ERROR(report_->Take(tensor, first, means_));
    }
    return absl::OkStatus();
  }

  // limbs_ of a block: what was before and every update's values.
  absl::Status SumBlock(size_t tensor, uint64_t elements, uint64_t first, uint64_t count) {
    for (int plane = 0; plane < rule_.PlanesOf(tensor); ++plane) {
      limbs_[plane].assign(count, 0);
      if (previous_ == nullptr) continue;
      const uint64_t at = first_limb_ + static_cast<uint64_t>(plane) * elements + first;
      CN_RETURN_IF_ERROR(previous_->ReadLimbs(at, limbs_[plane]));
      before_[plane] = limbs_[plane];
    }
    CN_ASSIGN_OR_RETURN(auto runs, columns_.Read(tensor, first, count));
    if (tensor >= carried_tensors_) runs = runs.first(runs.size() - carried_);
    rule_.Add(tensor, runs, count, {limbs_[0].data(), limbs_[1].data()});
    return absl::OkStatus();
  }

  absl::Status Write(ByteSpan bytes) {
    crc_ = Crc32Of(bytes, crc_);
    if (hashed_) hash_.Update(bytes);
    written_ += bytes.size();
    return out_.Append(bytes);
  }

  const sum::SumRule& rule_;
  ColumnReader& columns_;
  const StoredSum* const previous_;
  const bool hashed_;
  const size_t carried_;
  const size_t carried_tensors_;
  AppendFile& out_;
  ReportSink* const report_;
  std::vector<double> means_;  // of a block
  sum::SumTotals totals_;
  uint64_t first_limb_ = 0;  // of the tensor at hand
  std::vector<uint64_t> limbs_[2];
  std::vector<uint64_t> before_[2];
  uint32_t previous_crc_ = 0;
  uint32_t crc_ = 0;
  uint64_t written_ = 0;
  crypto::Sha256 hash_;
};

}  // namespace

absl::StatusOr<Folded> FoldColumns(const sum::SumRule& rule, const FoldInput& input,
                                   AppendFile& out, ReportSink* report) {
  return FoldPass(rule, input, out, report).Run();
}

}  // namespace consilium::server::store
