// How a train step moves the model: the server's rule of each strategy.
//
// With d the mean change of the sites' models (y_k - w), by elements:
//   fedavg, fedsgd, fedprox   w += d
//   fedavgm                   m = beta1 m + d;  w += lr m
//   fedadagrad, fedadam, fedyogi
//                             m = beta1 m + (1 - beta1) d
//                             v = v + d^2  |  beta2 v + (1 - beta2) d^2
//                               |  v - (1 - beta2) d^2 sign(v - d^2)
//                             w += lr m / (sqrt(v) + tau);  v starts from initial_v
//   fedbuff                   w += lr d
//   scaffold                  w += lr d;  c += sites / population * mean change of the c_k
//   fednova                   d is the mean of (y_k - w) / t_k;  w += d * mean of t_k
//   qfedavg                   w += sum F_k^q (y_k - w) / sum (h_k / L)
//   feddyn                    h -= alpha * sites / population * d;  w += d - h / alpha
// The papers: job/strategy.cc. m, v and h are slots of the private part, in double; w and c are
// computed in double and stored as float32.
// Pure, one thread, element by element: the same bits however the model is cut into blocks.
#ifndef CONSILIUM_SERVER_AGGREGATION_SERVER_RULE_H_
#define CONSILIUM_SERVER_AGGREGATION_SERVER_RULE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "common/job/job_spec.h"
#include "common/tensor/layout.h"

namespace consilium::server::aggregation {

class ServerRule {
 public:
  explicit ServerRule(const job::StrategySpec& strategy);

  // Doubles per element of the model that the rule keeps to itself.
  uint32_t slots() const { return vectors_.private_slots; }
  // Their values before the first step: [elements, slots].
  void FillFirst(std::span<double> own) const;

  // What the contributions' scalars came to, in the order of learn::ScalarTensors: before the
  // model.
  void TakeScalar(size_t scalar, double value);

  // Moves elements [first, first + weights.size()) of `tensor`, by their report and their `own`
  // [elements, slots]. kTrainingDiverged names the first that is no longer finite.
  // REQUIRES: sizes fit.
  absl::Status StepModel(const tensor::TensorSpec& tensor, uint64_t first,
                         std::span<const double> report, std::span<float> weights,
                         std::span<double> own) const;
  // The same for the broadcast variates.
  absl::Status StepVariates(const tensor::TensorSpec& tensor, uint64_t first,
                            std::span<const double> report, std::span<float> variates) const;

 private:
  // How far an element of the model goes, its moments [m, v] moved.
  double AdaptiveMove(double d, double* moments) const;
  double Part() const;  // of all sites that this sum has: 0 to 1

  job::StrategySpec strategy_;
  job::StrategyVectors vectors_;
  double sites_ = 0;
  double scalar_ = 0;
};

}  // namespace consilium::server::aggregation

#endif  // CONSILIUM_SERVER_AGGREGATION_SERVER_RULE_H_
