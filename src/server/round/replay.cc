#include "server/round/replay.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/learn/contribution.h"

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

// Folds the kept updates again and returns the digest of the sum. kReplayDiffers when one of them
// is gone or damaged.
absl::StatusOr<Digest> FoldAgain(const JobId& job, const job::JobSpec& spec,
                                 const jobs::StepView& step, const tensor::Layout& layout,
                                 const Stores& stores) {
  std::vector<store::AcceptedUpdate> counted;
  for (const jobs::SiteStepView& site : step.sites) {
    if (site.result != "counted") continue;
    counted.push_back(
        {{job, step.step, site.site}, site.update_digest, site.weight, site.update_bytes});
  }
  auto digest = stores.updates.DigestOfKept(
      {job, step.step, step.base_state, layout, SumOptionsOf(spec, step.sites.size())}, counted);
  if (digest.ok() || CodeOf(digest.status()) == ErrorCode::kStorageIo) return digest;
  return Error(ErrorCode::kReplayDiffers,
               fmt::format("step {}: a kept update is gone or damaged: {}", step.step.value(),
                           std::string(digest.status().message())));
}

absl::StatusOr<ReplayedStep> ReplayOne(const JobId& job, const job::JobSpec& spec,
                                       const jobs::CommittedStep& committed, const Stores& stores) {
  const jobs::StepView& step = committed.report;
  CN_ASSIGN_OR_RETURN(const tensor::Layout layout, learn::ContributionLayout(spec, step.workload));
  const std::string path = SumPath(stores.sums_folder, job, step.step);
  CN_ASSIGN_OR_RETURN(const Bytes bytes, ReadWhole(stores.storage, path, kMaxSumBytes));
  ReplayedStep replayed{step.step, step.state, Digest{}, false};
  if (crypto::Sha256Of(bytes) != committed.accumulator) return replayed;
  if (spec.retain == job::Retain::kUpdates && !step.sites.empty()) {
    CN_ASSIGN_OR_RETURN(const Digest again, FoldAgain(job, spec, step, layout, stores));
    if (again != committed.accumulator) return replayed;
    replayed.sums_redone = true;
  }
  CN_ASSIGN_OR_RETURN(const sum::ExactSum sum, sum::ExactSum::Deserialize(layout, bytes));
  CN_ASSIGN_OR_RETURN(const wire::State base, stores.states.Get(step.base_state));
  CN_ASSIGN_OR_RETURN(const wire::State next,
                      aggregation::NextState(spec, step.workload, base, sum.Report()));
  replayed.replayed = ManifestDigestOf(next);
  return replayed;
}

}  // namespace

absl::StatusOr<std::vector<ReplayedStep>> ReplaySteps(const JobId& job, const job::JobSpec& spec,
                                                      const std::vector<jobs::CommittedStep>& steps,
                                                      const Stores& stores) {
  std::vector<ReplayedStep> replayed;
  for (const jobs::CommittedStep& step : steps) {
    CN_ASSIGN_OR_RETURN(ReplayedStep one, ReplayOne(job, spec, step, stores));
    replayed.push_back(one);
  }
  return replayed;
}

}  // namespace consilium::server::round
