// How a train step moves the model: the one place where a strategy acts.
//
//   federated averaging   w <- w + d, d = sum n_k (y_k - w) / sum n_k
// McMahan et al. 2017, "Communication-efficient learning of deep networks from decentralized data",
// algorithm 1. A server optimizer is a case more here; its moments are tensors of the private part,
// in double. In double, stored as float32: pure, one thread, the same bits.
#ifndef CONSILIUM_SERVER_AGGREGATION_MODEL_STEP_H_
#define CONSILIUM_SERVER_AGGREGATION_MODEL_STEP_H_

#include "absl/status/status.h"
#include "common/tensor/bundle.h"

namespace consilium::server::aggregation {

// Moves the tensors `parameters` of `model` (float32) by the mean deltas of the same names in
// `report` (float64). kTrainingDiverged names a tensor that is no longer finite; kModelMismatch one
// that the report lacks.
absl::Status StepModel(const tensor::Layout& parameters, const tensor::Bundle& report,
                       tensor::Bundle& model);

}  // namespace consilium::server::aggregation

#endif  // CONSILIUM_SERVER_AGGREGATION_MODEL_STEP_H_
