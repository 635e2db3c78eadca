#include "server/round/replay.h"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/learn/contribution.h"
#include "server/round/late_updates.h"
#include "server/round/rule_commit.h"

namespace consilium::server::round {
namespace {

constexpr uint64_t kMaxSumBytes = uint64_t{1} << 37;

wire::PartRef RefOf(const wire::StatePart& part) {
  const Bytes bytes = wire::EncodeStatePart(part);
  return {crypto::Sha256Of(bytes), bytes.size()};
}

Digest ManifestDigestOf(const wire::State& state) {
  return wire::DigestOf(wire::Manifest{RefOf(state.broadcast), RefOf(state.private_part)});
}

// The state a step starts from: what the step before it gave, else the kept one. Null when neither
// is there.
absl::StatusOr<std::shared_ptr<const wire::State>> BaseOf(
    const jobs::StepView& step, const std::shared_ptr<const wire::State>& before,
    const Digest& before_digest, const Stores& stores) {
  if (before != nullptr && before_digest == step.base_state) return before;
  absl::StatusOr<wire::State> kept = stores.states.Get(step.base_state);
  if (kept.ok()) return std::make_shared<const wire::State>(*std::move(kept));
  if (CodeOf(kept.status()) != ErrorCode::kStateNotFound) return kept.status();
  return std::shared_ptr<const wire::State>();
}

// What a step's kept sum, or what its rule made, says.
absl::StatusOr<sum::SumReport> ReadReport(const job::JobSpec& spec, wire::Workload workload,
                                          const tensor::Layout& layout, ByteSpan bytes) {
  if (GoesByRule(spec, workload)) return ReadAggregate(spec, layout, bytes);
  CN_ASSIGN_OR_RETURN(const sum::ExactSum sum, sum::ExactSum::Deserialize(layout, bytes));
  return sum.Report();
}

class Replayer {
 public:
  Replayer(const JobId& job, const job::JobSpec& spec, const Stores& stores)
      : job_(job), spec_(spec), stores_(stores) {}

  absl::StatusOr<ReplayedStep> Redo(const jobs::CommittedStep& committed) {
    const jobs::StepView& step = committed.report;
    ReplayedStep replayed;
    replayed.step = step.step;
    replayed.recorded = step.state;
    bases_[step.step] = step.base_state;
    CN_ASSIGN_OR_RETURN(const tensor::Layout layout,
                        learn::ContributionLayout(spec_, step.workload));
    const std::string path = SumPath(stores_.sums_folder, job_, step.step);
    const absl::StatusOr<Bytes> bytes = ReadWhole(stores_.storage, path, kMaxSumBytes);
    if (CodeOf(bytes.status()) == ErrorCode::kFileNotFound) {
      replayed.gone = "its sum is no longer kept ([storage] keep_sums)";
      return replayed;
    }
    CN_RETURN_IF_ERROR(bytes.status());
    if (crypto::Sha256Of(*bytes) != committed.accumulator) return replayed;
    if (spec_.retain == job::Retain::kUpdates && !step.sites.empty()) {
      CN_ASSIGN_OR_RETURN(const Digest again, FoldAgain(step, layout));
      if (again != committed.accumulator) return replayed;
      replayed.sums_redone = true;
    }
    CN_ASSIGN_OR_RETURN(const auto base, BaseOf(step, last_, last_digest_, stores_));
    if (base == nullptr) {
      replayed.gone = "the state it starts from is not kept, and the sums before it are gone";
      return replayed;
    }
    CN_ASSIGN_OR_RETURN(const sum::SumReport report,
                        ReadReport(spec_, step.workload, layout, *bytes));
    CN_ASSIGN_OR_RETURN(wire::State next,
                        aggregation::NextState(spec_, step.workload, *base, report));
    replayed.replayed = last_digest_ = ManifestDigestOf(next);
    last_ = std::make_shared<const wire::State>(std::move(next));
    return replayed;
  }

 private:
  // Folds the kept updates again and returns the digest of the sum. kReplayDiffers when one of them
  // is gone or damaged.
  absl::StatusOr<Digest> FoldAgain(const jobs::StepView& step, const tensor::Layout& layout) const {
    std::vector<store::AcceptedUpdate> counted;
    for (const jobs::SiteStepView& site : step.sites) {
      if (!site.WasTaken()) continue;
      counted.push_back(
          {{job_, step.step, site.site}, site.update_digest, site.weight, site.update_bytes});
    }
    const store::OpenStep of{job_, step.step, step.base_state, layout,
                             SumOptionsOf(spec_, step.sites.size())};
    auto digest =
        GoesByRule(spec_, step.workload)
            ? AggregateAgain(spec_, of, counted, stores_.updates)
            : stores_.updates.DigestOfKept(
                  of, counted, CarriedBy(job_, step.late, learn::FirstStatistic(layout), bases_));
    if (digest.ok() || CodeOf(digest.status()) == ErrorCode::kStorageIo) return digest;
    return Error(ErrorCode::kReplayDiffers,
                 fmt::format("step {}: a kept update is gone or damaged: {}", step.step.value(),
                             std::string(digest.status().message())));
  }

  const JobId& job_;
  const job::JobSpec& spec_;
  const Stores& stores_;
  std::shared_ptr<const wire::State> last_;  // what the last redone step gave
  Digest last_digest_;
  std::map<StepNumber, Digest> bases_;  // of the steps before
};

}  // namespace

absl::StatusOr<std::vector<ReplayedStep>> ReplaySteps(const JobId& job, const job::JobSpec& spec,
                                                      const std::vector<jobs::CommittedStep>& steps,
                                                      const Stores& stores) {
  Replayer replayer(job, spec, stores);
  std::vector<ReplayedStep> replayed;
  for (const jobs::CommittedStep& step : steps) {
    CN_ASSIGN_OR_RETURN(ReplayedStep one, replayer.Redo(step));
    replayed.push_back(std::move(one));
  }
  return replayed;
}

}  // namespace consilium::server::round
