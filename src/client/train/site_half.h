// The site half of every workload: (state, dataset, parameters) -> contribution, sample count.
//
// It never sees a network, a disk or a certificate. Deterministic given (spec, state, dataset,
// round, site): mini-batches come from Philox keyed by the job.
#ifndef CONSILIUM_CLIENT_TRAIN_SITE_HALF_H_
#define CONSILIUM_CLIENT_TRAIN_SITE_HALF_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data/dataset.h"
#include "client/train/checkpoint.h"
#include "common/base/clock.h"
#include "common/job/job_spec.h"
#include "common/learn/aligned_vector.h"
#include "common/learn/batch_order.h"
#include "common/tensor/bundle.h"
#include "common/wire/messages.h"
#include "common/wire/state_file.h"

namespace consilium::client::train {

struct Contribution {
  tensor::Bundle values;          // learn::ContributionLayout(spec, workload)
  uint32_t weight = 1;            // n: training rows of this step
  std::vector<uint64_t> support;  // rows behind each tensor, in layout order
  // What becomes of SiteTask::own once this contribution is counted; empty where the job keeps
  // nothing at its sites. It never leaves the site.
  learn::AlignedVector<float> next_own;
  // Of an evaluation of a job with [personal]: the site's own model, whole, flat. Nor does this.
  learn::AlignedVector<float> own_model;
};

// Called every so often with (done, total) in local steps. Returning false stops the work with
// absl::CancelledError: the task was cancelled.
using Progress = std::function<bool(uint64_t done, uint64_t total)>;

struct SiteTask {
  wire::Workload workload;
  RoundNumber round;
  SiteId site;                         // keys the mini-batch order
  Checkpoints* checkpoints = nullptr;  // null: none are kept
  // Fewest rows that an evaluation may rest on, the policy's min_cell. A smaller split is not
  // evaluated: its tensors are zero whatever its rows are, and their support is 0.
  uint64_t min_cell = 1;
  // What the job keeps at this site: its strategy's vector, of as many elements as the model
  // (empty: zeros), or the personal weights (learn/personal_layout.h; empty: none yet).
  std::span<const float> own = {};
  learn::BatchSource* batches = nullptr;  // null: learn::BatchOrder keyed by job, round and site
  const Clock* clock = nullptr;           // of `local_time`; null: it is not looked at
  // learn::ModelTexts of the job, where somebody keeps them; null: made anew for this task.
  const std::map<std::string, std::string>* texts = nullptr;
};

// kTrainingDiverged (a parameter became NaN or infinite, named), kModelMismatch (state and job do
// not fit), CancelledError.
absl::StatusOr<Contribution> RunSiteHalf(const job::JobSpec& spec, const SiteTask& task,
                                         const wire::StatePart& state, const data::Dataset& dataset,
                                         const Progress& progress);

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_SITE_HALF_H_
