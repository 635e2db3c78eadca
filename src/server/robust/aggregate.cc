#include "server/robust/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/sum/sum_file.h"
#include "server/robust/aggregate_file.h"
#include "server/robust/middle_rule.h"

namespace consilium::server::robust {
namespace {

// Tensors [0, this) go by the rule: what stands before the statistics.
size_t ModelTensors(const tensor::Layout& layout) {
  size_t count = 0;
  while (count < layout.size() && layout.tensors()[count].dtype == tensor::DType::kFloat32) ++count;
  return count;
}

// The last pass: every block in the order of the file. Not reused.
class LastPass {
 public:
  LastPass(const sum::SumRule& rule, store::ColumnReader& columns, AppendFile& out,
           store::ReportSink* report)
      : rule_(rule), columns_(columns), out_(out), report_(report) {}

  // By these factors, or by the middle rule.
  absl::Status Run(job::RobustKind kind, const Choice& choice, std::optional<MiddleRule> middle) {
    for (const store::ColumnInput& input : columns_.inputs()) {
      CN_RETURN_IF_ERROR(rule_.Count(input.weight, totals_));
    }
    CN_RETURN_IF_ERROR(Write(EncodeAggregateHead(rule_.report_layout(), {kind, totals_})));
    const size_t model = ModelTensors(rule_.layout());
    for (size_t t = 0; t < rule_.layout().size(); ++t) {
      CN_RETURN_IF_ERROR(EachBlock(t, [&](std::span<const sum::WeightedRun> runs) {
        if (t >= model) {
          AddUp(t, runs);
        } else if (middle) {
          middle->Take(runs, values_);
        } else {
          WeightedSum(runs, choice.factors, values_);
        }
      }));
    }
    return Write(sum::EncodeSumTail(crc_));
  }

  Digest digest() const { return hash_.Current(); }
  const sum::SumTotals& totals() const { return totals_; }

 private:
  // Reads a block, has it turned into values_, and hands these on.
  template <typename Take>
  absl::Status EachBlock(size_t tensor, const Take& take) {
    const uint64_t elements = tensor::ElementsOf(rule_.layout().tensors()[tensor]);
    const uint64_t block = columns_.block_elements();
    for (uint64_t first = 0; first < elements; first += block) {
      values_.assign(std::min(block, elements - first), 0.0);
      CN_ASSIGN_OR_RETURN(const auto runs, columns_.Read(tensor, first, values_.size()));
      take(runs);
      CN_RETURN_IF_ERROR(Write(std::as_bytes(std::span(values_))));
      if (report_ != nullptr) CN_RETURN_IF_ERROR(report_->Take(tensor, first, values_));
    }
    return absl::OkStatus();
  }

  void AddUp(size_t tensor, std::span<const sum::WeightedRun> runs) {
    for (std::vector<uint64_t>& plane : limbs_) plane.assign(values_.size(), 0);
    rule_.Add(tensor, runs, values_.size(), {limbs_[0].data(), limbs_[1].data()});
    rule_.Report(tensor, totals_, {limbs_[0].data(), limbs_[1].data()}, values_);
  }

  absl::Status Write(ByteSpan bytes) {
    crc_ = Crc32Of(bytes, crc_);
    hash_.Update(bytes);
    return out_.Append(bytes);
  }

  const sum::SumRule& rule_;
  store::ColumnReader& columns_;
  AppendFile& out_;
  store::ReportSink* const report_;
  std::vector<double> values_;  // of a block
  std::vector<uint64_t> limbs_[2];
  sum::SumTotals totals_;
  uint32_t crc_ = 0;
  crypto::Sha256 hash_;
};

absl::StatusOr<MiddleRule> MiddleOf(const job::RobustSpec& rule, size_t updates) {
  if (rule.kind == job::RobustKind::kMedian) return MiddleRule::Median(updates);
  if (updates > 2 * size_t{rule.byzantine}) return MiddleRule(updates, rule.byzantine);
  return Error(ErrorCode::kTooFewSites,
               fmt::format("rule trimmed_mean has {} updates and cuts {} at each end", updates,
                           rule.byzantine),
               "let more sites take part, or lower `aggregation.byzantine`");
}

}  // namespace

absl::StatusOr<Aggregate> AggregateColumns(const job::JobSpec& spec, const sum::SumRule& rule,
                                           store::StepColumns& columns, AppendFile& out,
                                           store::ReportSink* report) {
  if (columns.sites.empty()) {
    return Error(ErrorCode::kTooFewSites, "a rule has no update to work with");
  }
  Choice choice;
  std::optional<MiddleRule> middle;
  if (WeighsUpdates(spec.robust.kind)) {
    Passes passes(columns.reader, ModelTensors(rule.layout()));
    CN_ASSIGN_OR_RETURN(choice, Choose({spec.robust, spec.weight_cap, columns.sites}, passes));
  } else {
    CN_ASSIGN_OR_RETURN(middle, MiddleOf(spec.robust, columns.sites.size()));
  }
  LastPass last(rule, columns.reader, out, report);
  CN_RETURN_IF_ERROR(last.Run(spec.robust.kind, choice, std::move(middle)));
  Aggregate aggregate{last.digest(), last.totals(), {}};
  for (size_t i = 0; i < choice.remarks.size(); ++i) {
    if (choice.remarks[i].text.empty()) continue;
    aggregate.remarks[columns.sites[i]] = std::move(choice.remarks[i]);
  }
  return aggregate;
}

}  // namespace consilium::server::robust
