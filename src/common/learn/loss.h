// Losses of one row, stable for every finite score: but for Poisson's, whose mean is exp(score),
// exp never sees a positive argument.
#ifndef CONSILIUM_COMMON_LEARN_LOSS_H_
#define CONSILIUM_COMMON_LEARN_LOSS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace consilium::learn {

template <typename T>
T Sigmoid(T score) {
  const T tail = std::exp(-std::abs(score));
  return score >= 0 ? 1 / (1 + tail) : tail / (1 + tail);
}

// y is 0 or 1.
inline double LogisticLoss(double score, double y) {
  return std::max(score, 0.0) + std::log1p(std::exp(-std::abs(score))) - y * score;
}

inline double SquaredLoss(double score, double y) { return 0.5 * (score - y) * (score - y); }

// Half the deviance of a count y from its mean exp(score): 0 where they are the same, else more.
inline double PoissonLoss(double score, double y) {
  const double loss = std::exp(score) - y * score;
  return y > 0 ? loss + y * std::log(y) - y : loss;
}

// Cross entropy of softmax(scores) against class `label`.
template <typename T>
double SoftmaxLoss(std::span<const T> scores, size_t label) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const T score : scores) sum += std::exp(static_cast<double>(score) - largest);
  return std::log(sum) + largest - static_cast<double>(scores[label]);
}

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_LOSS_H_
