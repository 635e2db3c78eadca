#include "server/round/rule_commit.h"

#include <utility>

#include "common/base/crash_point.h"
#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "server/robust/aggregate_file.h"

namespace consilium::server::round {
namespace {

constexpr std::string_view kUnfinishedAggregate = ".new";

// What a pass writes when only its digest is wanted.
class DigestOnly final : public AppendFile {
 public:
  absl::Status Append(ByteSpan bytes) override {
    size_ += bytes.size();
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  uint64_t size() const override { return size_; }

 private:
  uint64_t size_ = 0;
};

}  // namespace

bool GoesByRule(const job::JobSpec& spec, wire::Workload workload) {
  return workload == wire::Workload::kTrain && spec.robust.kind != job::RobustKind::kMean;
}

absl::StatusOr<robust::Aggregate> AggregateByRule(const job::JobSpec& spec,
                                                  const jobs::StepOpened& opened,
                                                  const std::vector<SiteId>& counted,
                                                  const std::string& path,
                                                  const RuleCommit& commit) {
  Storage& storage = commit.stores.storage;
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout,
                      learn::ContributionLayout(spec, opened.workload));
  CN_ASSIGN_OR_RETURN(const sum::SumRule rule,
                      sum::SumRule::Create(layout, SumOptionsOf(spec, opened.selected.size())));
  CN_ASSIGN_OR_RETURN(auto columns,
                      commit.stores.updates.OpenColumns(opened.job, opened.step, counted));
  const std::string unfinished = path + std::string(kUnfinishedAggregate);
  const auto write = [&]() -> absl::StatusOr<robust::Aggregate> {
    CN_ASSIGN_OR_RETURN(const auto file, storage.OpenBulk(unfinished));
    CN_ASSIGN_OR_RETURN(robust::Aggregate aggregate,
                        robust::AggregateColumns(spec, rule, columns, *file, &commit.report));
    CN_RETURN_IF_ERROR(file->Sync());
    return aggregate;
  };
  absl::StatusOr<robust::Aggregate> aggregate = write();
  if (!aggregate.ok()) {
    storage.Remove(unfinished).IgnoreError();  // what went wrong first is what matters
    return aggregate;
  }
  CN_CRASH_POINT("sum.synced");
  CN_RETURN_IF_ERROR(storage.Rename(unfinished, path));
  CN_CRASH_POINT("sum.renamed");
  CN_RETURN_IF_ERROR(storage.SyncFolder(path.substr(0, path.rfind('/'))));
  return aggregate;
}

absl::StatusOr<Digest> AggregateAgain(const job::JobSpec& spec, const store::OpenStep& step,
                                      const std::vector<store::AcceptedUpdate>& updates,
                                      const store::UpdateStore& store) {
  CN_ASSIGN_OR_RETURN(const sum::SumRule rule, sum::SumRule::Create(step.layout, step.sum));
  CN_ASSIGN_OR_RETURN(auto columns, store.OpenKeptColumns(step, updates));
  DigestOnly nowhere;
  CN_ASSIGN_OR_RETURN(const robust::Aggregate aggregate,
                      robust::AggregateColumns(spec, rule, columns, nowhere, nullptr));
  return aggregate.digest;
}

absl::StatusOr<sum::SumReport> ReadAggregate(const job::JobSpec& spec,
                                             const tensor::Layout& contribution, ByteSpan bytes) {
  CN_ASSIGN_OR_RETURN(const sum::SumRule rule,
                      sum::SumRule::Create(contribution, {spec.weight_cap}));
  return robust::DecodeAggregate(rule.report_layout(), spec.robust.kind, bytes);
}

}  // namespace consilium::server::round
