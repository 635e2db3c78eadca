// The site's half of [personal]: the whole model that is this site's own, and its training.
//
//   layers     the shared tensors of the round's state, with the site's own in their place; they
//              are trained together, as FedPer's algorithm 1 has it
//   ditto      v; each step goes by g(v) + lambda (v - w), w the round's start (Ditto, algorithm 1,
//              line 7); it begins as the first w that the site meets
//   fine_tune  the finished global model, trained on by itself
// A site's own training has an order of mini-batches of its own, so that the rounds' batches are
// those of the same job without it. The papers: job/personal.cc.
// Nothing of it leaves but the sums of its evaluation (learn/personal_layout.h). Pure.
#ifndef CONSILIUM_CLIENT_TRAIN_PERSONAL_H_
#define CONSILIUM_CLIENT_TRAIN_PERSONAL_H_

#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/train/local_rule.h"
#include "client/train/site_half.h"
#include "common/job/job_spec.h"
#include "common/learn/aligned_vector.h"
#include "common/tensor/layout.h"

namespace consilium::client::train {

// The site's own model before a step, flat, from the global one and what the site keeps (empty:
// nothing yet). kModelMismatch when that is not of the job's size.
absl::StatusOr<learn::AlignedVector<float>> OwnModel(const job::JobSpec& spec,
                                                     const tensor::Layout& parameters,
                                                     std::span<const float> global,
                                                     std::span<const float> own);

// Ditto's and fine-tuning's local steps on `own`, in place. `global.start` is the w that it is
// pulled to. CancelledError; kTrainingDiverged.
absl::Status TrainOwn(const LocalRule::Input& global, const SiteTask& task,
                      const Progress& progress, std::span<float> own);

// What the site keeps of its own model once the step's update is counted. kTrainingDiverged.
absl::StatusOr<learn::AlignedVector<float>> KeptOf(const job::JobSpec& spec,
                                                   const tensor::Layout& parameters,
                                                   std::span<const float> own);

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_PERSONAL_H_
