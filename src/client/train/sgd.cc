#include "client/train/sgd.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "client/train/local_step.h"
#include "common/base/check.h"
#include "common/base/log.h"

namespace consilium::client::train {
namespace {

bool Keeps(const Trainee& trainee) {
  return trainee.checkpoints != nullptr && trainee.batches == nullptr;
}

// Looks up from the work every so often, not every step: small steps are far quicker than a report.
class Pace {
 public:
  Pace(const Trainee& trainee, const learn::BatchOrder& order, std::span<const PointVector> vectors,
       const Progress& progress, uint64_t total)
      : trainee_(trainee), order_(order), vectors_(vectors), progress_(progress), total_(total) {}

  // False when the task was cancelled.
  bool LookUp(uint64_t done) {
    work_ = 0;
    const bool go_on = !progress_ || progress_(done, total_);
    if (Keeps(trainee_) && done < total_ && trainee_.checkpoints->Due()) {
      Save(done);
    }
    return go_on;
  }
  bool Advance(uint64_t done, uint64_t work) {
    work_ += work + kWorkPerStep;
    return (work_ < trainee_.work_per_report && done != total_) || LookUp(done);
  }

 private:
  void Save(uint64_t done) const {
    const std::vector<Bytes> heads = EncodePointHeads({done, total_, order_.position()}, vectors_);
    std::vector<ByteSpan> parts;
    for (size_t i = 0; i < heads.size(); ++i) {
      parts.insert(parts.end(), {ByteSpan(heads[i]), std::as_bytes(vectors_[i].values)});
    }
    trainee_.checkpoints->Save(parts);
  }

  const Trainee& trainee_;
  const learn::BatchOrder& order_;
  const std::span<const PointVector> vectors_;
  const Progress& progress_;
  const uint64_t total_;
  uint64_t work_ = 0;
};

// Takes up the newest checkpoint: the local steps done; 0 when there is none that fits.
uint64_t Resume(const Trainee& trainee, std::span<const PointVector> vectors, uint64_t total,
                learn::BatchOrder& order) {
  if (!Keeps(trainee)) return 0;
  const std::optional<Bytes> bytes = trainee.checkpoints->Find();
  if (!bytes) return 0;
  learn::BatchOrder there = order;
  const auto fits = [&](const TrainingPoint& point) {
    return point.of == total && point.steps < total &&
           point.order.batches == (order.full() ? 0 : point.steps) && there.SkipTo(point.order);
  };
  const auto point = DecodePoint(*bytes, vectors, fits);
  if (!point) {
    Log(Level::kWarning, "the checkpoint does not fit the task: the training begins anew", {});
    return 0;
  }
  order = std::move(there);
  Log(Level::kInfo, "training goes on from its checkpoint",
      {{"local_steps", point->steps}, {"of", total}});
  return point->steps;
}

// Copies the rows of a mini-batch together.
class Gather {
 public:
  Gather(const PreparedSplit& rows, size_t batch_rows)
      : rows_(rows),
        columns_(rows.x.size() / rows.rows()),
        x_(batch_rows * columns_),
        y_(batch_rows) {}

  learn::Batch<float> Take(std::span<const uint32_t> indices) {
    for (size_t i = 0; i < indices.size(); ++i) {
      std::copy_n(&rows_.x[indices[i] * columns_], columns_, &x_[i * columns_]);
      y_[i] = rows_.y[indices[i]];
    }
    return {std::span<const float>(x_.data(), indices.size() * columns_),
            std::span<const float>(y_.data(), indices.size())};
  }

 private:
  const PreparedSplit& rows_;
  const size_t columns_;
  learn::AlignedVector<float> x_;
  learn::AlignedVector<float> y_;
};

// The model leaves units out while this lives.
class Dropping {
 public:
  Dropping(learn::Model& model, learn::Dropout* dropout) : model_(model), dropout_(dropout) {
    model_.SetDropout(dropout_);
  }
  ~Dropping() { model_.SetDropout(nullptr); }
  Dropping(const Dropping&) = delete;
  Dropping& operator=(const Dropping&) = delete;
  void BeginStep(uint64_t step) {
    if (dropout_ != nullptr) dropout_->BeginStep(step);
  }

 private:
  learn::Model& model_;
  learn::Dropout* const dropout_;
};

// When `local_time` is over.
class Deadline {
 public:
  Deadline(Duration time, const Clock* clock)
      : clock_(time > Duration(0) ? clock : nullptr),
        end_(clock_ == nullptr ? Instant() : clock_->Now() + time) {}
  bool Passed() const { return clock_ != nullptr && clock_->Now() >= end_; }

 private:
  const Clock* clock_;
  const Instant end_;
};

}  // namespace

uint64_t LocalSteps(const job::TrainSpec& train, const learn::BatchOrder& order) {
  if (train.local_steps > 0) return train.local_steps;
  return uint64_t{train.local_epochs} * order.BatchesPerEpoch();
}

absl::StatusOr<uint64_t> RunSgd(const job::TrainSpec& train, learn::BatchOrder order,
                                const Trainee& trainee, const Progress& progress) {
  CN_CHECK(trainee.rows.rows() > 0);
  const uint64_t steps = LocalSteps(train, order);
  const bool full = order.full();
  const bool corrects = trainee.rule != nullptr && trainee.rule->corrects();
  const std::span<float> parameters = trainee.parameters;
  LocalStep local(train, trainee.weights, parameters.size());
  std::vector<PointVector> kept = local.Kept();
  kept.insert(kept.begin(), {"parameters", parameters});
  const uint64_t begin = Resume(trainee, kept, steps, order);
  Gather gather(trainee.rows, full ? 0 : order.batch_rows());
  learn::AlignedVector<float> gradient(parameters.size());
  Pace pace(trainee, order, kept, progress, steps);
  const Deadline deadline(train.local_time, trainee.clock);
  Dropping dropping(trainee.model, trainee.dropout);
  learn::BatchSource& batches = trainee.batches != nullptr ? *trainee.batches : order;
  if (!pace.LookUp(begin)) return absl::CancelledError("the task was cancelled");
  for (uint64_t step = begin + 1; step <= steps; ++step) {
    const learn::Batch<float> batch = full ? trainee.rows.All() : gather.Take(batches.Next());
    dropping.BeginStep(step);
    trainee.model.LossAndGradient(parameters, batch, gradient);
    if (!local.plain()) local.Shape(parameters, gradient);
    if (corrects) trainee.rule->Correct(parameters, gradient);
    if (local.plain()) {
      for (size_t i = 0; i < parameters.size(); ++i) {
        parameters[i] -= train.learning_rate * gradient[i];
      }
    } else {
      local.Move(step, parameters, gradient);
    }
    if (!pace.Advance(step, batch.y.size() * parameters.size())) {
      return absl::CancelledError("the task was cancelled");
    }
    if (deadline.Passed()) return step;
  }
  return steps;
}

}  // namespace consilium::client::train
