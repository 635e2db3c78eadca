// How a train step moves the model: the one place where a strategy acts.
//
//   federated averaging   w <- w + d, d = sum n_k (y_k - w) / sum n_k
// McMahan et al. 2017, "Communication-efficient learning of deep networks from decentralized data",
// algorithm 1. A server optimizer is a case more here; its moments are tensors of the private part,
// in double. In double, stored as float32: pure, one thread, the same bits.
#ifndef CONSILIUM_SERVER_AGGREGATION_MODEL_STEP_H_
#define CONSILIUM_SERVER_AGGREGATION_MODEL_STEP_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "common/tensor/layout.h"

namespace consilium::server::aggregation {

// Moves elements [first, first + weights.size()) of `tensor` by their mean deltas.
// kTrainingDiverged names the first that is no longer finite. REQUIRES: equal sizes.
absl::Status StepModel(const tensor::TensorSpec& tensor, uint64_t first,
                       std::span<const double> deltas, std::span<float> weights);

}  // namespace consilium::server::aggregation

#endif  // CONSILIUM_SERVER_AGGREGATION_MODEL_STEP_H_
