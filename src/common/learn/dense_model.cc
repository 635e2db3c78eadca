#include <Eigen/Core>

#include "common/base/check.h"
#include "common/learn/loss.h"
#include "common/learn/model_kinds.h"

namespace consilium::learn {
namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using Row = Eigen::Matrix<T, 1, Eigen::Dynamic>;
template <typename T>
using MatrixView = Eigen::Map<Matrix<T>>;
template <typename T>
using ConstMatrixView = Eigen::Map<const Matrix<T>>;

struct Layer {
  Eigen::Index in = 0;
  Eigen::Index out = 0;
  size_t weights = 0;  // offset in the flat parameters; the bias follows the weights
  size_t bias() const { return weights + static_cast<size_t>(in * out); }
};

template <typename T>
class DenseModel final : public BasicModel<T> {
 public:
  explicit DenseModel(const ModelShape& shape)
      : loss_(shape.loss),
        tanh_(shape.activation == job::Activation::kTanh),
        class_weights_(shape.class_weights.begin(), shape.class_weights.end()),
        inputs_(shape.inputs) {
    Eigen::Index in = shape.inputs;
    const auto add = [&](uint32_t out) {
      layers_.push_back({in, static_cast<Eigen::Index>(out), parameter_count_});
      parameter_count_ += static_cast<size_t>((in + 1) * out);
      in = out;
    };
    for (const uint32_t width : shape.hidden) add(width);
    add(shape.outputs);
    outputs_.resize(layers_.size());
    deltas_.resize(layers_.size());
    masks_.resize(layers_.size());
  }

  double LossAndGradient(std::span<const T> parameters, const Batch<T>& batch,
                         std::span<T> gradient) override {
    const auto rows = static_cast<Eigen::Index>(batch.y.size());
    CN_CHECK(rows > 0 && gradient.size() == parameter_count_);
    Forward(parameters, batch.x, rows, dropout_);
    const double loss = OutputDelta(batch.y);
    for (size_t l = layers_.size(); l-- > 0;) {
      WriteGradient(l, batch.x, rows, gradient);
      if (l > 0) PropagateDelta(l, parameters, rows);
    }
    return loss;
  }

  void Scores(std::span<const T> parameters, std::span<const T> x, std::span<T> scores) override {
    const auto rows = static_cast<Eigen::Index>(x.size() / inputs_);
    const size_t wanted = static_cast<size_t>(rows * layers_.back().out);
    CN_CHECK(x.size() % inputs_ == 0 && scores.size() == wanted);
    Forward(parameters, x, rows, nullptr);
    std::copy_n(outputs_.back().begin(), wanted, scores.begin());
  }

  void SetDropout(Dropout* dropout) override { dropout_ = dropout; }

 private:
  MatrixView<T> View(AlignedVector<T>& values, Eigen::Index rows, Eigen::Index columns) {
    const auto wanted = static_cast<size_t>(rows * columns);
    if (values.size() < wanted) values.resize(wanted);
    return {values.data(), rows, columns};
  }
  // What goes into layer l: x, or the layer before.
  const T* InputOf(size_t l, std::span<const T> x) const {
    return l == 0 ? x.data() : outputs_[l - 1].data();
  }

  void Forward(std::span<const T> parameters, std::span<const T> x, Eigen::Index rows,
               Dropout* dropout) {
    CN_CHECK(parameters.size() == parameter_count_);
    for (size_t l = 0; l < layers_.size(); ++l) {
      const Layer& layer = layers_[l];
      auto out = View(outputs_[l], rows, layer.out);
      const ConstMatrixView<T> in(InputOf(l, x), rows, layer.in);
      const ConstMatrixView<T> weights(&parameters[layer.weights], layer.in, layer.out);
      out.noalias() = in * weights;
      out.rowwise() += Eigen::Map<const Row<T>>(&parameters[layer.bias()], layer.out);
      if (l + 1 == layers_.size()) break;
      if (tanh_) {
        out = out.array().tanh();
      } else {
        out = out.cwiseMax(T(0));
      }
      if (dropout == nullptr) continue;
      auto mask = View(masks_[l], rows, layer.out);
      dropout->Draw(std::span<T>(mask.data(), static_cast<size_t>(mask.size())));
      out.array() *= mask.array();
    }
  }

  double WeightOf(T label) const {
    return class_weights_.empty() ? 1
                                  : static_cast<double>(class_weights_[static_cast<size_t>(label)]);
  }
  // The share that a row has in the mean loss.
  T ShareOf(T label, T share) const {
    return class_weights_.empty() ? share : share * class_weights_[static_cast<size_t>(label)];
  }

  // d(mean loss)/d(scores) into the last delta; returns the mean loss.
  double OutputDelta(std::span<const T> y) {
    const Eigen::Index classes = layers_.back().out;
    const auto rows = static_cast<Eigen::Index>(y.size());
    const auto scores = View(outputs_.back(), rows, classes);
    auto delta = View(deltas_.back(), rows, classes);
    const T equal = T(1) / static_cast<T>(rows);
    double loss = 0;
    for (Eigen::Index i = 0; i < rows; ++i) {
      const T label = y[static_cast<size_t>(i)];
      const T share = ShareOf(label, equal);
      if (loss_ == LossKind::kLogistic) {
        loss += WeightOf(label) * LogisticLoss(scores(i, 0), label);
        delta(i, 0) = (Sigmoid(scores(i, 0)) - label) * share;
        continue;
      }
      const std::span<const T> row(&scores(i, 0), static_cast<size_t>(classes));
      loss += WeightOf(label) * SoftmaxLoss(row, static_cast<size_t>(label));
      const T largest = *std::max_element(row.begin(), row.end());
      T sum = 0;
      for (Eigen::Index c = 0; c < classes; ++c) {
        delta(i, c) = std::exp(scores(i, c) - largest);
        sum += delta(i, c);
      }
      delta.row(i) *= share / sum;
      delta(i, static_cast<Eigen::Index>(label)) -= share;
    }
    return loss / static_cast<double>(rows);
  }

  void WriteGradient(size_t l, std::span<const T> x, Eigen::Index rows, std::span<T> gradient) {
    const Layer& layer = layers_[l];
    const ConstMatrixView<T> in(InputOf(l, x), rows, layer.in);
    const auto delta = View(deltas_[l], rows, layer.out);
    MatrixView<T> weights(&gradient[layer.weights], layer.in, layer.out);
    weights.noalias() = in.transpose() * delta;
    Eigen::Map<Row<T>>(&gradient[layer.bias()], layer.out) = delta.colwise().sum();
  }

  // The delta of layer l - 1 from that of layer l, through activation and dropout.
  void PropagateDelta(size_t l, std::span<const T> parameters, Eigen::Index rows) {
    const Layer& layer = layers_[l];
    const ConstMatrixView<T> weights(&parameters[layer.weights], layer.in, layer.out);
    const auto above = View(deltas_[l], rows, layer.out);
    auto delta = View(deltas_[l - 1], rows, layer.in);
    delta.noalias() = above * weights.transpose();
    const auto output = View(outputs_[l - 1], rows, layer.in);
    if (!tanh_) {
      delta = (output.array() > T(0)).select(delta, T(0));
      if (dropout_ != nullptr) delta.array() *= View(masks_[l - 1], rows, layer.in).array();
    } else if (dropout_ == nullptr) {
      delta.array() *= T(1) - output.array().square();
    } else {
      // A unit that is not left out is its activation times 1 / (1 - rate).
      const auto kept = static_cast<T>(dropout_->kept_rate());
      delta.array() *=
          View(masks_[l - 1], rows, layer.in).array() * (T(1) - (output.array() * kept).square());
    }
  }

  const LossKind loss_;
  const bool tanh_;                     // else ReLU
  const std::vector<T> class_weights_;  // empty: all 1
  const size_t inputs_;
  Dropout* dropout_ = nullptr;
  std::vector<Layer> layers_;
  size_t parameter_count_ = 0;
  std::vector<AlignedVector<T>> outputs_;  // per layer, after the activation; [rows, out]
  std::vector<AlignedVector<T>> deltas_;   // per layer: d(loss)/d(before activation)
  std::vector<AlignedVector<T>> masks_;    // per hidden layer: 0, or what a unit counts
};

}  // namespace

template <typename T>
std::unique_ptr<BasicModel<T>> MakeDenseModel(const ModelShape& shape) {
  return std::make_unique<DenseModel<T>>(shape);
}
template std::unique_ptr<BasicModel<float>> MakeDenseModel(const ModelShape& shape);
template std::unique_ptr<BasicModel<double>> MakeDenseModel(const ModelShape& shape);

}  // namespace consilium::learn
