#include "server/aggregation/model_step.h"

#include <fmt/format.h>

#include <cmath>

#include "common/base/error.h"

namespace consilium::server::aggregation {

absl::Status StepModel(const tensor::Layout& parameters, const tensor::Bundle& report,
                       tensor::Bundle& model) {
  for (const tensor::TensorSpec& spec : parameters.tensors()) {
    const auto from = report.layout().Find(spec.name);
    if (!from || report.layout().tensors()[*from].shape != spec.shape ||
        report.layout().tensors()[*from].dtype != tensor::DType::kFloat64) {
      return Error(
          ErrorCode::kModelMismatch,
          fmt::format("the step's sum has no tensor `{}` of the model's shape", spec.name));
    }
    const std::span<const double> deltas = report.Float64(*from);
    const std::span<float> weights = model.Float32(model.IndexOf(spec.name));
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i] = static_cast<float>(static_cast<double>(weights[i]) + deltas[i]);
      if (std::isfinite(weights[i])) continue;
      return Error(ErrorCode::kTrainingDiverged,
                   fmt::format("{}[{}] of the next model is not finite", spec.name, i),
                   "lower learning_rate, or standardise the features");
    }
  }
  return absl::OkStatus();
}

}  // namespace consilium::server::aggregation
