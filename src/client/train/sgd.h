// Local training: stochastic gradient descent on this site's rows, or what [train] says instead.
//
//   w <- w - learning_rate * gradient of the batch's mean loss, corrected by the strategy
//   (local_step.h has the other optimizers, penalties and clipping)
// `local_epochs` passes over the rows, or `local_steps` batches (which go on into further epochs).
// With `local_time` it stops at the first step after that time (semi-synchronous: each site takes
// the steps that fit the round; Stripelis et al. 2022, arXiv 2102.02849, section 4). Buffers are
// made once, before the first step. With checkpoints it goes on from the newest one.
#ifndef CONSILIUM_CLIENT_TRAIN_SGD_H_
#define CONSILIUM_CLIENT_TRAIN_SGD_H_

#include <span>

#include "absl/status/statusor.h"
#include "client/train/checkpoint.h"
#include "client/train/local_rule.h"
#include "client/train/prepared.h"
#include "client/train/site_half.h"
#include "common/base/clock.h"
#include "common/job/job_spec.h"
#include "common/learn/batch_order.h"
#include "common/learn/model.h"

namespace consilium::client::train {

// Steps this takes at most: local_steps, or local_epochs times the batches of an epoch.
uint64_t LocalSteps(const job::TrainSpec& train, const learn::BatchOrder& order);

// Multiplications between two calls of Progress: some tens of milliseconds.
inline constexpr uint64_t kWorkPerReport = uint64_t{1} << 26;
// What a step costs besides, however small it is.
inline constexpr uint64_t kWorkPerStep = 4096;

// What training works on. All outlive the call.
struct Trainee {
  const PreparedSplit& rows;  // at least one
  learn::Model& model;
  std::span<float> parameters;  // moved in place
  Checkpoints* checkpoints = nullptr;
  uint64_t work_per_report = kWorkPerReport;
  const LocalRule* rule = nullptr;        // null: no correction
  learn::BatchSource* batches = nullptr;  // in place of the order; then nothing is checkpointed
  const Clock* clock = nullptr;           // of local_time; null: it is not looked at
  std::span<const learn::FlatRange> weights = {};  // what penalties act on
  learn::Dropout* dropout = nullptr;               // null: no unit is left out
};

// `train.learning_rate` is the round's (job/schedule.h). The steps taken, at least one.
// CancelledError when `progress` said so. Values may come out not finite: the caller checks. Time
// spent before a checkpoint does not count against local_time.
absl::StatusOr<uint64_t> RunSgd(const job::TrainSpec& train, learn::BatchOrder order,
                                const Trainee& trainee, const Progress& progress);

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_SGD_H_
