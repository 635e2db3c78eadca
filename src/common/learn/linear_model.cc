#include <Eigen/Core>

#include "common/base/check.h"
#include "common/learn/loss.h"
#include "common/learn/model_kinds.h"

namespace consilium::learn {
namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

// Parameters: w [d], then b.
template <typename T>
class LinearModel final : public BasicModel<T> {
 public:
  explicit LinearModel(const ModelShape& shape)
      : inputs_(shape.inputs),
        loss_(shape.loss),
        class_weights_(shape.class_weights.begin(), shape.class_weights.end()) {}

  double LossAndGradient(std::span<const T> parameters, const Batch<T>& batch,
                         std::span<T> gradient) override {
    const size_t rows = batch.y.size();
    CN_CHECK(rows > 0 && gradient.size() == inputs_ + 1);
    residuals_.resize(rows);
    Scores(parameters, batch.x, residuals_);
    const double loss = ScoresToResiduals(batch.y);
    const Eigen::Map<const Matrix<T>> x(batch.x.data(), Index(rows), Index(inputs_));
    const Eigen::Map<const Vector<T>> residuals(residuals_.data(), Index(rows));
    Eigen::Map<Vector<T>> slope(gradient.data(), Index(inputs_));
    slope.noalias() = x.transpose() * residuals;
    double bias = 0;
    for (const T residual : residuals_) bias += static_cast<double>(residual);
    gradient[inputs_] = static_cast<T>(bias);
    return loss;
  }

  void Scores(std::span<const T> parameters, std::span<const T> x, std::span<T> scores) override {
    CN_CHECK(parameters.size() == inputs_ + 1 && x.size() == scores.size() * inputs_);
    const Eigen::Map<const Matrix<T>> rows(x.data(), Index(scores.size()), Index(inputs_));
    const Eigen::Map<const Vector<T>> slope(parameters.data(), Index(inputs_));
    Eigen::Map<Vector<T>> out(scores.data(), Index(scores.size()));
    out.noalias() = rows * slope;
    out.array() += parameters[inputs_];
  }

 private:
  static Eigen::Index Index(size_t value) { return static_cast<Eigen::Index>(value); }

  // residuals_ holds scores; becomes d(mean loss)/d(score). Returns the mean loss.
  double ScoresToResiduals(std::span<const T> y) {
    if (loss_ == LossKind::kPoisson) return CountsToResiduals(y);
    if (!class_weights_.empty()) return WeightedToResiduals(y);
    const bool logistic = loss_ == LossKind::kLogistic;
    const T share = T(1) / static_cast<T>(y.size());
    double loss = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      const T score = residuals_[i];
      loss += logistic ? LogisticLoss(score, y[i]) : SquaredLoss(score, y[i]);
      residuals_[i] = ((logistic ? Sigmoid(score) : score) - y[i]) * share;
    }
    return loss / static_cast<double>(y.size());
  }

  double CountsToResiduals(std::span<const T> y) {
    const T share = T(1) / static_cast<T>(y.size());
    double loss = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      loss += PoissonLoss(static_cast<double>(residuals_[i]), static_cast<double>(y[i]));
      residuals_[i] = (std::exp(residuals_[i]) - y[i]) * share;
    }
    return loss / static_cast<double>(y.size());
  }

  // Of classes 0 and 1.
  double WeightedToResiduals(std::span<const T> y) {
    const T share = T(1) / static_cast<T>(y.size());
    double loss = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      const T weight = class_weights_[static_cast<size_t>(y[i])];
      const T score = residuals_[i];
      loss += static_cast<double>(weight) *
              LogisticLoss(static_cast<double>(score), static_cast<double>(y[i]));
      residuals_[i] = (Sigmoid(score) - y[i]) * (weight * share);
    }
    return loss / static_cast<double>(y.size());
  }

  const size_t inputs_;
  const LossKind loss_;
  const std::vector<T> class_weights_;  // empty: all 1
  AlignedVector<T> residuals_;
};

}  // namespace

template <typename T>
std::unique_ptr<BasicModel<T>> MakeLinearModel(const ModelShape& shape) {
  return std::make_unique<LinearModel<T>>(shape);
}
template std::unique_ptr<BasicModel<float>> MakeLinearModel(const ModelShape& shape);
template std::unique_ptr<BasicModel<double>> MakeLinearModel(const ModelShape& shape);

}  // namespace consilium::learn
