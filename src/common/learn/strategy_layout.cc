#include "common/learn/strategy_layout.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/learn/contribution.h"
#include "common/learn/personal_layout.h"

namespace consilium::learn {
namespace {

using Tensors = std::vector<tensor::TensorSpec>;

constexpr int kScalarBoundLog2 = 32;  // of a float32 one: the exact sum then resolves 2^-19

tensor::TensorSpec Renamed(const tensor::TensorSpec& like, std::string_view prefix) {
  tensor::TensorSpec spec = like;
  spec.name = std::string(prefix) + like.name;
  return spec;
}

}  // namespace

const job::StrategyVectors& VectorsOf(const job::JobSpec& spec) {
  return job::RowOf(spec.strategy.kind).vectors;
}

Tensors ScalarTensors(const job::JobSpec& spec) {
  const job::StrategyVectors& vectors = VectorsOf(spec);
  Tensors scalars;
  if (vectors.counts_sites) {
    scalars.push_back({.name = std::string(kSitesTensor),
                       .shape = {1},
                       .dtype = tensor::DType::kFloat64,
                       .bound_log2 = kCountBoundLog2,
                       .weighting = tensor::Weighting::kOne,
                       .tag = tensor::Tag::kUpdate});
  }
  if (vectors.scalar.empty()) return scalars;
  const bool by_rows = vectors.scalar_by_rows;
  scalars.push_back({.name = std::string(vectors.scalar),
                     .shape = {1},
                     .dtype = by_rows ? tensor::DType::kFloat32 : tensor::DType::kFloat64,
                     .bound_log2 = by_rows ? kScalarBoundLog2 : kSumBoundLog2,
                     .weighting = by_rows ? tensor::Weighting::kSamples : tensor::Weighting::kOne,
                     // What is summed comes from the rows' losses: the policy's min_cell holds.
                     .tag = by_rows ? tensor::Tag::kUpdate : tensor::Tag::kSum});
  return scalars;
}

Tensors StepTensors(const job::JobSpec& spec, const tensor::Layout& parameters) {
  const job::StrategyVectors& vectors = VectorsOf(spec);
  Tensors tensors = parameters.tensors();
  for (tensor::TensorSpec& tensor : tensors) {
    if (vectors.plain_mean) tensor.weighting = tensor::Weighting::kOne;
  }
  if (!vectors.variates) return tensors;
  const bool plain = spec.strategy.variate_mean == job::VariateMean::kPlain;
  for (const tensor::TensorSpec& parameter : parameters.tensors()) {
    tensor::TensorSpec variate = Renamed(parameter, kVariatePrefix);
    variate.weighting = plain ? tensor::Weighting::kOne : tensor::Weighting::kSamples;
    tensors.push_back(std::move(variate));
  }
  return tensors;
}

absl::StatusOr<tensor::Layout> StateLayout(const job::JobSpec& spec, Statistics statistics) {
  CN_ASSIGN_OR_RETURN(const tensor::Layout parameters, SharedLayout(spec));
  Tensors tensors = parameters.tensors();
  for (const tensor::TensorSpec& parameter : parameters.tensors()) {
    if (VectorsOf(spec).variates) tensors.push_back(Renamed(parameter, kVariatePrefix));
  }
  for (tensor::TensorSpec& tensor : StatisticsTensors(spec.design_columns(), statistics)) {
    tensors.push_back(std::move(tensor));
  }
  return tensor::Layout::Create(std::move(tensors));
}

size_t SteppedTensors(const job::JobSpec& spec, const tensor::Layout& parameters) {
  return parameters.size() * (VectorsOf(spec).variates ? 2 : 1);
}

absl::StatusOr<tensor::Layout> PrivateLayout(const job::JobSpec& spec,
                                             const tensor::Layout& parameters) {
  Tensors tensors;
  const uint32_t slots = VectorsOf(spec).private_slots;
  for (const tensor::TensorSpec& parameter : parameters.tensors()) {
    if (slots == 0) break;
    tensors.push_back({.name = std::string(kOptimizerPrefix) + parameter.name,
                       .shape = {static_cast<uint32_t>(tensor::ElementsOf(parameter)), slots},
                       .dtype = tensor::DType::kFloat64,
                       .bound_log2 = kSumBoundLog2,
                       .weighting = tensor::Weighting::kOne,
                       .tag = tensor::Tag::kSum});
  }
  return tensor::Layout::Create(std::move(tensors));
}

wire::StatePart ModelIn(const wire::StatePart& broadcast) {
  const tensor::Layout& layout = broadcast.tensors.layout();
  Tensors kept;
  std::vector<size_t> from;
  for (size_t t = 0; t < layout.size(); ++t) {
    if (layout.tensors()[t].name.starts_with(kVariatePrefix)) continue;
    kept.push_back(layout.tensors()[t]);
    from.push_back(t);
  }
  if (kept.size() == layout.size()) return {broadcast.tensors.Clone(), broadcast.texts};
  auto model = tensor::Layout::Create(std::move(kept));
  CN_CHECK(model.ok());  // some tensors of a layout are a layout
  wire::StatePart part{tensor::Bundle(*std::move(model)), broadcast.texts};
  const tensor::Layout& rest = part.tensors.layout();
  for (size_t t = 0; t < rest.size(); ++t) {
    const size_t bytes =
        tensor::ElementsOf(rest.tensors()[t]) * tensor::BytesPerElement(rest.tensors()[t].dtype);
    std::ranges::copy(broadcast.tensors.payload().subspan(layout.OffsetOf(from[t]), bytes),
                      part.tensors.payload().subspan(rest.OffsetOf(t), bytes).begin());
  }
  return part;
}

}  // namespace consilium::learn
