// What a rule made of a step, kept: docs/formats/aggregate.md.
//
// It stands where the exact sum of a step without a rule stands, and serves the same end:
// `consilium replay` steps the state from it again. Pure.
#ifndef CONSILIUM_SERVER_ROBUST_AGGREGATE_FILE_H_
#define CONSILIUM_SERVER_ROBUST_AGGREGATE_FILE_H_

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/job/robust_rule.h"
#include "common/sum/exact_sum.h"
#include "common/tensor/layout.h"

namespace consilium::server::robust {

struct AggregateHead {
  job::RobustKind rule = job::RobustKind::kMean;
  sum::SumTotals totals;
};

// `report` is sum::SumRule::report_layout(): all float64. The values follow, in its order, then
// sum::EncodeSumTail of the checksum over all that.
Bytes EncodeAggregateHead(const tensor::Layout& report, const AggregateHead& head);
// The whole file. kUpdateLayout: of another layout or rule; kFormatVersion, kStateCorrupt.
absl::StatusOr<sum::SumReport> DecodeAggregate(const tensor::Layout& report, job::RobustKind rule,
                                               ByteSpan bytes);

}  // namespace consilium::server::robust

#endif  // CONSILIUM_SERVER_ROBUST_AGGREGATE_FILE_H_
