#include <Eigen/Core>

#include "common/base/check.h"
#include "common/learn/model_kinds.h"
#include "common/learn/survival.h"

namespace consilium::learn {
namespace {

// Parameters: w [d]. No bias: the partial likelihood does not depend on one.
template <typename T>
class CoxModel final : public BasicModel<T> {
 public:
  explicit CoxModel(const ModelShape& shape) : inputs_(shape.inputs), loss_(shape.ties) {}

  double LossAndGradient(std::span<const T> parameters, const Batch<T>& batch,
                         std::span<T> gradient) override {
    const size_t rows = batch.y.size();
    CN_CHECK(rows > 0 && gradient.size() == inputs_);
    if (scores_.size() < rows) {
      scores_.resize(rows);
      residuals_.resize(rows);
    }
    const std::span<T> scores(scores_.data(), rows), residuals(residuals_.data(), rows);
    Scores(parameters, batch.x, scores);
    const double share = 1 / static_cast<double>(rows);
    const double loss = loss_.Sum<T>(scores, batch.y, share, residuals);
    const Rows x(batch.x.data(), Index(rows), Index(inputs_));
    const Column residual(residuals.data(), Index(rows));
    Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, 1>> slope(gradient.data(), Index(inputs_));
    slope.noalias() = x.transpose() * residual;
    return loss * share;
  }

  void Scores(std::span<const T> parameters, std::span<const T> x, std::span<T> scores) override {
    CN_CHECK(parameters.size() == inputs_ && x.size() == scores.size() * inputs_);
    const Rows rows(x.data(), Index(scores.size()), Index(inputs_));
    const Column slope(parameters.data(), Index(inputs_));
    Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, 1>> out(scores.data(), Index(scores.size()));
    out.noalias() = rows * slope;
  }

 private:
  using Rows = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  using Column = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>>;
  static Eigen::Index Index(size_t value) { return static_cast<Eigen::Index>(value); }

  const size_t inputs_;
  CoxLoss loss_;
  AlignedVector<T> scores_;
  AlignedVector<T> residuals_;
};

}  // namespace

template <typename T>
std::unique_ptr<BasicModel<T>> MakeCoxModel(const ModelShape& shape) {
  return std::make_unique<CoxModel<T>>(shape);
}
template std::unique_ptr<BasicModel<float>> MakeCoxModel(const ModelShape& shape);
template std::unique_ptr<BasicModel<double>> MakeCoxModel(const ModelShape& shape);

}  // namespace consilium::learn
