#include "client/train/sgd.h"

#include <algorithm>

#include "common/base/check.h"

namespace consilium::client::train {
namespace {

// Multiplications between two calls of Progress: some tens of milliseconds.
constexpr uint64_t kWorkPerReport = uint64_t{1} << 26;

// Calls Progress every so much work, not every step: small steps are far quicker than a report.
class Reporter {
 public:
  Reporter(const Progress& progress, uint64_t total) : progress_(progress), total_(total) {}

  // False when the task was cancelled.
  bool Advance(uint64_t done, uint64_t work) {
    work_ += work;
    if (work_ < kWorkPerReport && done != 0 && done != total_) return true;
    work_ = 0;
    return !progress_ || progress_(done, total_);
  }

 private:
  const Progress& progress_;
  const uint64_t total_;
  uint64_t work_ = 0;
};

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

}  // namespace

uint64_t LocalSteps(const job::TrainSpec& train, const learn::BatchOrder& order) {
  if (train.local_steps > 0) return train.local_steps;
  return uint64_t{train.local_epochs} * order.BatchesPerEpoch();
}

absl::Status RunSgd(const job::TrainSpec& train, learn::BatchOrder order, const Trainee& trainee,
                    const Progress& progress) {
  CN_CHECK(trainee.rows.rows() > 0);
  const uint64_t steps = LocalSteps(train, order);
  const bool full = order.full();
  const std::span<float> parameters = trainee.parameters;
  Gather gather(trainee.rows, full ? 0 : order.batch_rows());
  learn::AlignedVector<float> gradient(parameters.size());
  Reporter reporter(progress, steps);
  if (!reporter.Advance(0, 0)) return absl::CancelledError("the task was cancelled");
  for (uint64_t step = 1; step <= steps; ++step) {
    const learn::Batch<float> batch = full ? trainee.rows.All() : gather.Take(order.Next());
    trainee.model.LossAndGradient(parameters, batch, gradient);
    for (size_t i = 0; i < parameters.size(); ++i) {
      parameters[i] -= train.learning_rate * gradient[i];
    }
    if (!reporter.Advance(step, batch.y.size() * parameters.size())) {
      return absl::CancelledError("the task was cancelled");
    }
  }
  return absl::OkStatus();
}

}  // namespace consilium::client::train
