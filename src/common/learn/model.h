// Models: parameters and a batch to a loss, its gradient, and scores.
//
//   logistic   s = x.w + b, loss max(s,0) + log(1 + exp(-|s|)) - y s
//   linear     s = x.w + b, loss (s - y)^2 / 2
//   poisson    s = x.w + b, loss m - y + y log(y / m) with m = exp(s), half the deviance: the log
//              likelihood of a count but for a term without s
//   softmax    s = x W + b, loss log(sum exp s) - s[y], with the largest score taken out first
//   cox        s = x.w, the negative log partial likelihood of the batch over its rows, risk sets
//              within the batch; labels are outcomes (survival.h)
//   mlp        layers x W + b with ReLU or tanh between, in training with dropout; the loss of
//   softmax over the label's levels, or
//              one score and the loss of logistic where the label is binary without levels
// The loss of a batch is the mean over its rows, each times the weight of its class. Parameters are
// one flat run: the tensors of ParameterLayout one after the other, without padding, bias last in
// each layer.
//
// Templated so that tests check gradients in double; float is what trains. A model holds a
// workspace that grows to the largest batch it met and then stays: a step allocates nothing of
// ours. Not thread-safe: one per thread.
#ifndef CONSILIUM_COMMON_LEARN_MODEL_H_
#define CONSILIUM_COMMON_LEARN_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/job/job_spec.h"
#include "common/learn/aligned_vector.h"
#include "common/learn/dropout.h"
#include "common/tensor/bundle.h"
#include "common/tensor/layout.h"

namespace consilium::learn {

enum class LossKind { kLogistic, kSquared, kSoftmax, kCox, kPoisson };

inline constexpr size_t kMaxHiddenLayers = 16;
inline constexpr uint64_t kMaxParameters = uint64_t{1} << 30;
// |delta| of one local training stays below 2^10 by far when it converges; what exceeds it is
// named as diverged by the site itself. The exact sum's quantum is then 2^-41 before weighting.
inline constexpr int kDeltaBoundLog2 = 10;

struct ModelShape {
  job::ModelKind kind = job::ModelKind::kLogistic;
  uint32_t inputs = 0;
  std::vector<uint32_t> hidden;
  uint32_t outputs = 1;  // scores per row
  LossKind loss = LossKind::kLogistic;
  job::Ties ties = job::Ties::kEfron;                   // kCox
  job::Activation activation = job::Activation::kRelu;  // of the hidden layers
  std::vector<float> class_weights;  // of LossAndGradient, one per class; empty: all 1
  // Label classes: 2 where there is one score and the logistic loss, 0 where there are none.
  uint32_t classes() const;
};

// kModelMismatch when the job's model cannot be built (no columns, one class, too large).
absl::StatusOr<ModelShape> ShapeOf(const job::JobSpec& spec);

// "w" [d], "b" [1]; cox "w" [d]; softmax "w" [d, classes], "b" [classes]; mlp "layer0.w" [in, out],
// "layer0.b" [out], ... All float32, weighted by samples, bound 2^kDeltaBoundLog2.
absl::StatusOr<tensor::Layout> ParameterLayout(const ModelShape& shape);

// Elements of all tensors.
size_t ParameterCount(const tensor::Layout& parameters);
// Where the weights lie in the flat run, biases left out: what penalties act on.
struct FlatRange {
  size_t begin = 0;
  size_t end = 0;
};
std::vector<FlatRange> WeightRanges(const tensor::Layout& parameters);
// The model's tensors out of a state, flat. kModelMismatch names a tensor that is absent, of
// another shape or not finite.
absl::StatusOr<AlignedVector<float>> ReadParameters(const tensor::Layout& parameters,
                                                    const tensor::Bundle& state);

template <typename T>
struct Batch {
  std::span<const T> x;  // [rows, inputs], row-major
  std::span<const T> y;  // [rows]: 0/1, class index, value or outcome
};

template <typename T>
class BasicModel {
 public:
  virtual ~BasicModel() = default;
  // The mean loss of the batch; `gradient` is overwritten. REQUIRES: at least one row; sizes fit;
  // labels in range. O(rows * parameters).
  virtual double LossAndGradient(std::span<const T> parameters, const Batch<T>& batch,
                                 std::span<T> gradient) = 0;
  // scores [rows, outputs] of x [rows, inputs].
  virtual void Scores(std::span<const T> parameters, std::span<const T> x, std::span<T> scores) = 0;
  // Leaves hidden units out of LossAndGradient from now on; null: none. It outlives that. Only an
  // mlp has such units.
  virtual void SetDropout(Dropout* dropout) { (void)dropout; }
};
using Model = BasicModel<float>;

// For float and double. REQUIRES: a shape made by ShapeOf.
template <typename T>
std::unique_ptr<BasicModel<T>> MakeModel(const ModelShape& shape);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_MODEL_H_
