// A whole step under a rule: the updates side by side become one aggregate, in a file.
//
// Of the contribution's tensors those of the model (float32) go by the rule; its statistics
// (float64) are exact sums over all counted updates, as in any step. Memory is O(block), and for
// Krum a number for each pair of updates.
// The same updates give the same bytes, whatever their order of arrival, on any CPU.
// Thread-safe: no state of its own.
#ifndef CONSILIUM_SERVER_ROBUST_AGGREGATE_H_
#define CONSILIUM_SERVER_ROBUST_AGGREGATE_H_

#include <map>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/base/storage.h"
#include "common/job/job_spec.h"
#include "common/sum/sum_rule.h"
#include "server/robust/choice.h"
#include "server/store/report_sink.h"
#include "server/store/update_store.h"

namespace consilium::server::robust {

struct Aggregate {
  Digest digest;  // SHA-256 of the file
  sum::SumTotals totals;
  std::map<SiteId, Remark> remarks;  // of the sites of which there is something to say
};

// Appends to `out` (docs/formats/aggregate.md) and does not sync. `rule` is over the contribution's
// layout. With `report`, each tensor goes there, too. The errors of Choose, of ColumnReader and of
// `report`, kSumOverflow, kStorage*.
absl::StatusOr<Aggregate> AggregateColumns(const job::JobSpec& spec, const sum::SumRule& rule,
                                           store::StepColumns& columns, AppendFile& out,
                                           store::ReportSink* report);

}  // namespace consilium::server::robust

#endif  // CONSILIUM_SERVER_ROBUST_AGGREGATE_H_
