// Training steps of jobs with a rule in place of the mean (job/robust_rule.h).
//
// Such a step folds nothing while it goes on: its updates stay in their spools, side by side, until
// it is committed, so the disk holds all of them. What the rule made is kept at the path of the
// step's sum and read by Replay. As with sums: doing it again after a crash writes the same bytes.
// Thread-safe: no state of its own.
#ifndef CONSILIUM_SERVER_ROUND_RULE_COMMIT_H_
#define CONSILIUM_SERVER_ROUND_RULE_COMMIT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sum/exact_sum.h"
#include "server/robust/aggregate.h"
#include "server/round/step_commit.h"

namespace consilium::server::round {

bool GoesByRule(const job::JobSpec& spec, wire::Workload workload);

// Where an aggregate reads its updates, and who takes it on the way.
struct RuleCommit {
  const Stores& stores;
  store::ReportSink& report;
};
// Writes the aggregate over `counted` to `path`, all or nothing, durably. The errors of
// robust::AggregateColumns.
absl::StatusOr<robust::Aggregate> AggregateByRule(const job::JobSpec& spec,
                                                  const jobs::StepOpened& opened,
                                                  const std::vector<SiteId>& counted,
                                                  const std::string& path,
                                                  const RuleCommit& commit);
// The digest of that file, from kept updates. The errors of UpdateStore::OpenKeptColumns.
absl::StatusOr<Digest> AggregateAgain(const job::JobSpec& spec, const store::OpenStep& step,
                                      const std::vector<store::AcceptedUpdate>& updates,
                                      const store::UpdateStore& store);
// That file. The errors of robust::DecodeAggregate.
absl::StatusOr<sum::SumReport> ReadAggregate(const job::JobSpec& spec,
                                             const tensor::Layout& contribution, ByteSpan bytes);

}  // namespace consilium::server::round

#endif  // CONSILIUM_SERVER_ROUND_RULE_COMMIT_H_
