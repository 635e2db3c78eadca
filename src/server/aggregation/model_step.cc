#include "server/aggregation/model_step.h"

#include <fmt/format.h>

#include <cmath>

#include "common/base/check.h"
#include "common/base/error.h"

namespace consilium::server::aggregation {

absl::Status StepModel(const tensor::TensorSpec& tensor, uint64_t first,
                       std::span<const double> deltas, std::span<float> weights) {
  CN_CHECK(deltas.size() == weights.size());
  bool finite = true;
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = static_cast<float>(static_cast<double>(weights[i]) + deltas[i]);
    finite &= std::isfinite(weights[i]);
  }
  if (finite) return absl::OkStatus();
  size_t at = 0;
  while (std::isfinite(weights[at])) ++at;
  return Error(ErrorCode::kTrainingDiverged,
               fmt::format("{}[{}] of the next model is not finite", tensor.name, first + at),
               "lower learning_rate, or standardise the features");
}

}  // namespace consilium::server::aggregation
